package load

import "testing"

// TestPipeRoundTrip: two switches of a CPU take a few microseconds, on a busy machine more.
func TestPipeRoundTrip(t *testing.T) {
	trip, err := PipeRoundTrip()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.0f ns", trip)
	if trip < 200 || trip > 1e8 {
		t.Errorf("a round trip takes %v ns", trip)
	}
}
