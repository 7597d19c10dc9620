"""How do answers look? On a terminal, beside each other, and as charts, each in a module of its own."""
