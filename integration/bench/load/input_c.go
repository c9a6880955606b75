package load

import (
	"bytes"
	"fmt"
	"path/filepath"
)

// makeCInput makes files that take gcc some 50 ms each, as a file of an ordinary project does.
func makeCInput(dir string, s Scope) error {
	var makefile bytes.Buffer
	makefile.WriteString("CFLAGS = -O1\nOBJECTS =")
	for i := range s.CFiles {
		fmt.Fprintf(&makefile, " part%d.o", i)
		if err := writeTo(filepath.Join(dir, fmt.Sprintf("part%d.c", i)), cPart(i)); err != nil {
			return err
		}
	}
	makefile.WriteString("\nprogram: main.o $(OBJECTS)\n\t$(CC) -o $@ $^\n")
	if err := writeTo(filepath.Join(dir, "main.c"), []byte("int main(void) { return 0; }\n")); err != nil {
		return err
	}
	return writeTo(filepath.Join(dir, "Makefile"), makefile.Bytes())
}

func cPart(part int) []byte {
	var b bytes.Buffer
	b.WriteString("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n")
	for f := range 25 {
		fmt.Fprintf(&b, `
int part%d_function%d(char *s, int n)
{
	int sum = %d;
	for (int i = 0; i < n; i++) {
		char *end = strchr(s + i, 'a' + %d);
		sum += end ? (int)(end - s) : atoi(s + i);
		if (sum > %d) snprintf(s, n, "%%d %%d", sum, i);
	}
	return sum;
}
`, part, f, part, f%26, 1000+f)
	}
	return b.Bytes()
}
