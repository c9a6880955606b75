# A C project built by make, twice, with its temporary and its object files here.
cd /tmp
mkdir project && cd project
for i in $(seq 20); do
	printf '#include <stdio.h>\nint f%d(int x) { return printf("%%d\\n", x + %d); }\n' $i $i > f$i.c
done
{
	for i in $(seq 20); do echo "int f$i(int);"; done
	echo 'int main(void) {'
	for i in $(seq 20); do echo "f$i($i);"; done
	echo 'return 0; }'
} > main.c
printf 'OBJ = $(patsubst %%.c,%%.o,$(wildcard *.c))\nprog: $(OBJ)\n\t$(CC) -o $@ $(OBJ)\n%%.o: %%.c\n\t$(CC) -O2 -g -pipe -c -o $@ $<\n' > Makefile
make -j2 > log
test "$(./prog | tail -1)" = 40
test "$(make)" = "make: 'prog' is up to date."
touch f3.c
test "$(make | grep -c -- '-c -o')" = 1
gcc -flto -O2 -save-temps -o prog2 f*.c main.c 2> /dev/null
./prog2 > /dev/null
ar rcs lib.a f*.o && ranlib lib.a && strip prog && ./prog > /dev/null
