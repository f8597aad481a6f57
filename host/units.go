package host

import (
	"context"
	"time"
)

// UnitReader reads systemd units.
type UnitReader interface {
	// Units asks systemd for units by name ("kubelet.service"), in their
	// order. An unknown unit has Load "not-found"; that is no error.
	Units(ctx context.Context, names []string) ([]Unit, error)

	// Journal returns up to n last lines of a unit's journal, oldest first.
	Journal(ctx context.Context, unit string, n int) ([]string, error)
}

// UnitWriter changes systemd units.
type UnitWriter interface {
	// Unit does one thing to a unit and waits until systemd's job is done.
	// A job that fails is an error with systemd's result.
	Unit(ctx context.Context, name string, do UnitAction) error
}

// Unit is a systemd unit as systemd has it.
type Unit struct {
	Name    string `json:"name"`
	Load    string `json:"load"`    // loaded, not-found, masked, ...
	Active  string `json:"active"`  // active, inactive, failed, activating, ...
	Sub     string `json:"sub"`     // running, exited, auto-restart, ...
	Enabled string `json:"enabled"` // enabled, disabled, static, ...; "" when not found
	// NeedReload is what systemd says: NeedDaemonReload. Since systemd 257 that
	// is true of all units once any of them was enabled or disabled without a
	// reload; Unread is true only of a unit whose own files systemd has not
	// read as they are on disk. While all units need a reload, Unread is known
	// only of a unit file that is gone.
	NeedReload  bool      `json:"need_reload,omitempty"`
	Unread      bool      `json:"unread,omitempty"`
	Path        string    `json:"path,omitempty"`     // the unit file
	DropIns     []string  `json:"drop_ins,omitempty"` // paths
	MainPID     int       `json:"main_pid,omitempty"` // 0 while none runs
	Result      string    `json:"result,omitempty"`   // success, exit-code, timeout, ...
	ActiveEnter time.Time `json:"active_enter,omitzero"`
	UnitTime    time.Time `json:"unit_time,omitzero"` // mtime of the unit file on disk
}

// UnitAction is what can be done to a unit.
type UnitAction string

// The actions. Reload makes systemd read all unit files again; its unit name
// is not used. It has to follow every Enable and Disable: until then systemd
// asks for it, and may answer with what was enabled before.
const (
	Start   UnitAction = "start"
	Stop    UnitAction = "stop"
	Restart UnitAction = "restart"
	Enable  UnitAction = "enable"
	Disable UnitAction = "disable"
	Reload  UnitAction = "daemon-reload"
)
