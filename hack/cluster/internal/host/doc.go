// Package host reads and changes the machine below the cluster: processes, mounts, links, nftables tables, cgroups and
// kernel settings. Whatever it removes is named by the caller or lies below a folder that the cluster owns.
package host
