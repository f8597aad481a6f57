package host

import "context"

// UnitReader reads systemd units.
type UnitReader interface {
	// Units asks systemd for units by name ("kubelet.service"), in their
	// order. A unit that does not exist has Load "not-found", which is no
	// error.
	Units(ctx context.Context, names []string) ([]Unit, error)

	// Journal returns the last lines of a unit's journal, at most n, oldest
	// first.
	Journal(ctx context.Context, unit string, n int) ([]string, error)
}

// UnitWriter changes systemd units.
type UnitWriter interface {
	// Unit does one action on a unit and waits until systemd's job is done. A
	// job that fails is an error with systemd's result.
	Unit(ctx context.Context, name string, do UnitAction) error
}

// InputsVar is the environment variable of a service's processes with the
// hash of the inputs that they were started with.
const InputsVar = "PMKCTL_INPUTS"

// Unit is a systemd unit in systemd's own words.
type Unit struct {
	Name    string `json:"name"`
	Load    string `json:"load"`    // loaded, not-found, masked, ...
	Active  string `json:"active"`  // active, inactive, failed, activating, ...
	Sub     string `json:"sub"`     // running, exited, auto-restart, ...
	Enabled string `json:"enabled"` // enabled, disabled, static, ...; "" when not found
	// NeedReload is systemd's NeedDaemonReload. Since systemd 257 it is true
	// for all units once any unit was enabled or disabled without a reload.
	// Unread is true only for a unit whose own files have changed on disk
	// since systemd read them. While all units need a reload, Unread is known
	// only for a unit whose file was deleted.
	NeedReload bool     `json:"need_reload,omitempty"`
	Unread     bool     `json:"unread,omitempty"`
	Path       string   `json:"path,omitempty"`     // the unit file
	DropIns    []string `json:"drop_ins,omitempty"` // paths
	MainPID    int      `json:"main_pid,omitempty"` // 0 while no process runs
	Result     string   `json:"result,omitempty"`   // success, exit-code, timeout, ...
	// StartedWith is the value of InputsVar in the environment of the main
	// process: "" if the process has no such variable, nil if there is no main
	// process or its environment cannot be read.
	StartedWith *string `json:"started_with,omitempty"`
}

// UnitAction is an action on a unit.
type UnitAction string

// The actions. Reload makes systemd read all unit files again; the unit's
// name is not used. Every Enable and Disable must be followed by it: until
// then systemd says that it needs a reload, and may still report the former
// Enabled.
const (
	Start   UnitAction = "start"
	Stop    UnitAction = "stop"
	Restart UnitAction = "restart"
	Enable  UnitAction = "enable"
	Disable UnitAction = "disable"
	Reload  UnitAction = "daemon-reload"
)
