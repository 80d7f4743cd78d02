"""The data types in other libraries' terms, and back; one module per library, loaded when used."""
