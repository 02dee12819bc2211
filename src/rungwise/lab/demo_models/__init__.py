"""How were the demo's models made? Tokenizer, training from scratch, export, evaluation."""
