"""Which policies can be measured on recorded ladders? Each decides about every step at once."""
