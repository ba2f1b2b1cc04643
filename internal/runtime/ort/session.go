package ort

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"

	onnx "github.com/yalue/onnxruntime_go"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
)

// environment is ONNX Runtime's one environment per process; the library that was loaded first stays.
var environment struct {
	sync.Mutex
	library string
}

func initialize(library string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library != "" {
		if environment.library != library {
			return fmt.Errorf("ONNX Runtime is loaded from %s already", environment.library)
		}
		return nil
	}
	onnx.SetSharedLibraryPath(library)
	if err := onnx.InitializeEnvironment(); err != nil {
		return fmt.Errorf("loading ONNX Runtime from %s: %w", library, err)
	}
	environment.library = library
	return nil
}

// Session is a loaded graph.
type Session struct {
	session *onnx.DynamicAdvancedSession
	inputs  []oip.TensorMetadata
	outputs []oip.TensorMetadata
}

// Open loads the library and the graph. It has the type runtime.Open.
func Open(library string, weights runtime.Weights, threads int) (runtime.Session, error) {
	if err := initialize(library); err != nil {
		return nil, err
	}
	options, err := onnx.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("making session options: %w", err)
	}
	defer func() { _ = options.Destroy() }()
	if threads == 0 {
		// GOMAXPROCS knows the container's CPU limit, ONNX Runtime would count the machine's cores.
		threads = goruntime.GOMAXPROCS(0)
	}
	if err := errors.Join(options.SetIntraOpNumThreads(threads), options.SetInterOpNumThreads(1)); err != nil {
		return nil, fmt.Errorf("setting threads: %w", err)
	}
	s := &Session{inputs: weights.Signature.Inputs(), outputs: weights.Signature.Outputs()}
	s.session, err = onnx.NewDynamicAdvancedSessionWithONNXData(weights.ONNX, names(s.inputs), names(s.outputs), options)
	if err != nil {
		return nil, fmt.Errorf("opening graph: %w", err)
	}
	return s, nil
}

func names(metas []oip.TensorMetadata) []string {
	out := make([]string, 0, len(metas))
	for _, m := range metas {
		out = append(out, m.Name)
	}
	return out
}

// Run runs n rows. The graph must give outputs of exactly the signature's shapes, else ONNX Runtime refuses to fill them.
func (s *Session) Run(n int, inputs, outputs [][]byte) error {
	in, closeIn, err := values(n, s.inputs, inputs)
	defer closeIn()
	if err != nil {
		return err
	}
	out, closeOut, err := values(n, s.outputs, outputs)
	defer closeOut()
	if err != nil {
		return err
	}
	if err := s.session.Run(in, out); err != nil {
		return fmt.Errorf("running graph: %w", err)
	}
	return nil
}

// values wraps byte slices as tensors without copying them.
func values(n int, metas []oip.TensorMetadata, data [][]byte) ([]onnx.Value, func(), error) {
	made := make([]onnx.Value, 0, len(metas))
	release := func() {
		for _, v := range made {
			_ = v.Destroy()
		}
	}
	if len(metas) != len(data) {
		return nil, release, fmt.Errorf("%d tensors were given, want %d", len(data), len(metas))
	}
	for i, m := range metas {
		shape := append(onnx.Shape{int64(n)}, m.Shape[1:]...)
		if shape.FlattenedSize() != int64(len(data[i])) {
			return nil, release, fmt.Errorf("tensor %s has %d bytes, want %d", m.Name, len(data[i]), shape.FlattenedSize())
		}
		v, err := onnx.NewTensor(shape, data[i])
		if err != nil {
			return nil, release, fmt.Errorf("making tensor %s: %w", m.Name, err)
		}
		made = append(made, v)
	}
	return made, release, nil
}

// Close frees the graph.
func (s *Session) Close() error {
	if err := s.session.Destroy(); err != nil {
		return fmt.Errorf("closing graph: %w", err)
	}
	return nil
}
