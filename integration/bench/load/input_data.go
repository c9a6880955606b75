package load

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

func makeTarInput(path string, s Scope) error {
	return writeThrough(path, func(w io.Writer) error {
		archive, r := tar.NewWriter(w), fixedRandom()
		for i := range s.TarFiles {
			name := nested("small", i)
			if i%50 == 0 {
				header := &tar.Header{Typeflag: tar.TypeDir, Name: filepath.Dir(name) + "/", Mode: 0o755, ModTime: time.Unix(1_700_000_000, 0)}
				if err := archive.WriteHeader(header); err != nil {
					return err
				}
			}
			content := text(r, 100+r.IntN(6000))
			header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(1_700_000_000, 0)}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if _, err := archive.Write(content); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}

func makeLinesInput(path string, s Scope) error {
	return writeThrough(path, func(w io.Writer) error {
		r := fixedRandom()
		for range s.Lines {
			if _, err := fmt.Fprintf(w, "%016x some text %d\n", r.Uint64(), r.IntN(1000)); err != nil {
				return err
			}
		}
		return nil
	})
}

// rowsInTransaction is how many rows sqlite3 commits at a time.
const rowsInTransaction = 100

func makeSQLInput(path string, s Scope) error {
	return writeThrough(path, func(w io.Writer) error {
		r := fixedRandom()
		fmt.Fprintln(w, "CREATE TABLE t(id INTEGER PRIMARY KEY, number INTEGER, text TEXT);\nCREATE INDEX i ON t(number);")
		for row := range s.Rows {
			if row%rowsInTransaction == 0 {
				fmt.Fprintln(w, "BEGIN;")
			}
			fmt.Fprintf(w, "INSERT INTO t(number, text) VALUES(%d, 'row %d of the table');\n", r.Uint32(), row)
			if row%rowsInTransaction == rowsInTransaction-1 {
				fmt.Fprintln(w, "COMMIT;")
			}
		}
		return nil
	})
}

// writeThrough writes a file through a buffer, whose flush reports what writes before it did not.
func writeThrough(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, mebi)
	return errors.Join(write(b), b.Flush(), f.Close())
}
