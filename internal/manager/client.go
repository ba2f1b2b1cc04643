package manager

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// liveMetadata reads bare metadata from the API server and everything else from the cache. The ownership check before an apply asks
// for metadata, and it has to see what the cache leaves out: objects of the same name that are not ours.
type liveMetadata struct {
	client.Client
	live client.Reader
}

func newClient(config *rest.Config, options client.Options) (client.Client, error) {
	cached, err := client.New(config, options)
	if err != nil {
		return nil, fmt.Errorf("making client: %w", err)
	}
	options.Cache = nil
	live, err := client.New(config, options)
	if err != nil {
		return nil, fmt.Errorf("making live client: %w", err)
	}
	return &liveMetadata{Client: cached, live: live}, nil
}

// Get reads one object.
func (c *liveMetadata) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if _, bare := obj.(*metav1.PartialObjectMetadata); bare {
		return c.live.Get(ctx, key, obj, opts...)
	}
	return c.Client.Get(ctx, key, obj, opts...)
}
