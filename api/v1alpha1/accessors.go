package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConditionList points to the model's conditions.
func (m *TryOnModel) ConditionList() *[]metav1.Condition { return &m.Status.Conditions }

// SetObservedGeneration records the generation that the status speaks of.
func (m *TryOnModel) SetObservedGeneration(g int64) { m.Status.ObservedGeneration = g }

// ConditionList points to the dataset version's conditions.
func (d *TryOnDatasetVersion) ConditionList() *[]metav1.Condition { return &d.Status.Conditions }

// SetObservedGeneration records the generation that the status speaks of.
func (d *TryOnDatasetVersion) SetObservedGeneration(g int64) { d.Status.ObservedGeneration = g }

// ConditionList points to the model version's conditions.
func (v *TryOnModelVersion) ConditionList() *[]metav1.Condition { return &v.Status.Conditions }

// SetObservedGeneration records the generation that the status speaks of.
func (v *TryOnModelVersion) SetObservedGeneration(g int64) { v.Status.ObservedGeneration = g }

// ConditionList points to the deployment's conditions.
func (d *TryOnDeployment) ConditionList() *[]metav1.Condition { return &d.Status.Conditions }

// SetObservedGeneration records the generation that the status speaks of.
func (d *TryOnDeployment) SetObservedGeneration(g int64) { d.Status.ObservedGeneration = g }
