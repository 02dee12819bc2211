"""Was an accepted draft right? A higher rung answers too, once the caller has its answer."""
