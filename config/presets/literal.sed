# A text as the lines of a C string literal.
s/[\\"]/\\&/g
s/.*/"&\\n"/
