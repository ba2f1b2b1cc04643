package intake

import (
	"net/http/httptest"
	"testing"
	"time"
)

func TestAFinishedRequestIsNotRefusedItsReplyWhileOthersWait(t *testing.T) {
	gate := NewGate(2, 100, time.Second)
	done, err := gate.Admit(60, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer done.Leave()
	if err := done.Copy(60); err != nil {
		t.Fatal(err)
	}
	other, err := gate.Admit(40, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Leave()
	if err := other.Copy(40); err != nil {
		t.Fatal(err)
	}
	if err := done.Reply(httptest.NewRecorder(), 50); err != nil {
		t.Errorf("a reply smaller than what its request held is refused: %v", err)
	}
	if err := other.Copy(10); err != nil {
		t.Errorf("what the reply does not need is not given back: %v", err)
	}
	if err := done.Reply(httptest.NewRecorder(), 61); err == nil {
		t.Error("a reply over what is free is not refused")
	}
}
