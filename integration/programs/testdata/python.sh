# Every pattern of Python's tempfile, and what programs do with them.
exec python3 "$DATA/tempfiles.py"
