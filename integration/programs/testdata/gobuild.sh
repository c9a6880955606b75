# A program built and tested with the working directory of the go tool here, in owner mode.
export TMPDIR=/tmp GOTMPDIR=/tmp
export GOFLAGS=
mkdir /tmp/prog && cd /tmp/prog
go mod init example.test/prog 2> /dev/null
printf 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("built") }\n' > main.go
printf 'package main\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestTemp(t *testing.T) {\n\tif err := os.WriteFile(t.TempDir()+"/f", nil, 0o644); err != nil {\n\t\tt.Fatal(err)\n\t}\n}\n' > main_test.go
test "$(go run .)" = built
go build -o prog . && ./prog
go test -count=1 ./...
