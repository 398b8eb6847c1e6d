# Turns a text file into a C string literal, one line each.
s/[\\"]/\\&/g
s/.*/"&\\n"/
