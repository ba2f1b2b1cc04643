package apply

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// remembered is of how many objects the answer is remembered at most: those of three thousand TryOnDeployments, in a few megabytes.
// An object that is forgotten is applied once more.
const remembered = 1 << 14

// object is one that Reapply was asked for.
type object struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

// answer is what the API server said to the last Reapply of an object.
type answer struct {
	// content is the digest of what was applied, its owner included.
	content [sha256.Size]byte
	// version is the resource version that the object had then. Whoever changes it or makes it anew gives it another one.
	version string
}

// Reapply is Apply for what each pass applies again: while the client's cache holds the very object that the API server answered to the
// same content, it asks the API server nothing. The caller has to watch the kind: a change that the cache does not have yet is put right
// by the pass that it brings.
func (a *Applier) Reapply(ctx context.Context, owner, desired client.Object) error {
	content, err := a.childOf(owner, desired)
	if err != nil {
		return err
	}
	body, err := json.Marshal(content.Object)
	if err != nil {
		return fmt.Errorf("encoding %s %s: %w", content.GetKind(), content.GetName(), err)
	}
	of, digest := object{kind: content.GroupVersionKind(), name: client.ObjectKeyFromObject(content)}, sha256.Sum256(body)
	if a.stored(ctx, of, digest) {
		return nil
	}
	// A write whose answer is lost may have been stored, and then the cache may still hold what was there before.
	a.answers.Remove(of)
	if err := a.writeChild(ctx, owner, content); err != nil {
		return err
	}
	a.answers.Add(of, answer{content: digest, version: content.GetResourceVersion()})
	return nil
}

// stored says that the object is known to be as content has it. What cannot be known is not.
func (a *Applier) stored(ctx context.Context, of object, content [sha256.Size]byte) bool {
	kept, _ := a.answers.Get(of)
	last, ok := kept.(answer)
	if !ok || last.content != content {
		return false
	}
	// Bare metadata would be read past the cache.
	blank, err := a.scheme.New(of.kind)
	if err != nil {
		return false
	}
	cached, ok := blank.(client.Object)
	return ok && a.client.Get(ctx, of.name, cached) == nil && cached.GetResourceVersion() == last.version
}
