// Command storage gives every claim of the local cluster's storage class a folder of the machine.
package main
