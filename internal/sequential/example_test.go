package sequential_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// A sidecar counts pairs into blocks; the controller adds what it polls to its state and judges.
func Example() {
	// Sidecar: one block since the last poll.
	artefacts := sequential.Pairs{}
	latencies, _ := sequential.NewLatencies(1.10) // the gate's margin, from the control document
	for i := range 3000 {
		artefacts.Observe(i%50 == 0, i%50 == 1)
		_ = latencies.Observe(400*time.Millisecond+time.Duration(i%100)*time.Millisecond, 410*time.Millisecond+time.Duration(i%100)*time.Millisecond)
	}
	body, _ := json.Marshal(latencies)

	// Controller: strict reading, then state + block → state.
	var polled sequential.Latencies
	if err := json.Unmarshal(body, &polled); err != nil {
		fmt.Println(err)
	}
	state, _ := sequential.NewLatencyState(0.95, 1.10)
	state, _ = state.Add(polled) // the first block only says where the p95 is
	state, _ = state.Add(polled)
	total, _ := sequential.Pairs{}.Add(artefacts)

	judgement, err := sequential.Judge([]sequential.Gate{
		sequential.Quantile{Name: "latency-p95-ratio", Evidence: &state},
		sequential.Rate{Name: "artefact-rate-difference", Margin: 0.01, Pairs: total},
	}, 0.05, 2.5)
	fmt.Println(judgement.Verdict, judgement.Rule, err)
	for _, f := range judgement.Findings {
		fmt.Println(f.Message)
	}
	// Output:
	// KeepCollecting artefact-rate-difference <nil>
	// latency-p95-ratio is 1.018, between 1.009 and 1.053 after 6000 requests: better than the margin 1.1
	// artefact-rate-difference is 0, between -0.01171 and 0.01064 after 3000 requests: not clear of the margin 0.01, about 359 more needed
}
