package host

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrReadOnly is what a read-only agent answers to a change.
	ErrReadOnly = errors.New("the agent is read-only")
	// ErrUnavailable says that a service on the host does not answer.
	ErrUnavailable = errors.New("unavailable")
	// ErrSecret is what reading a private key answers.
	ErrSecret = errors.New("a private key does not leave its host")
	// ErrLost says that the connection to the host is gone: what the last
	// call did is not known.
	ErrLost = errors.New("connection lost")
	// ErrDigest is a file that is not what its digest says; nothing was put
	// in place.
	ErrDigest = errors.New("wrong digest")
)

// An ExitError is a program that ran and failed.
type ExitError struct {
	Argv   []string `json:"argv"`
	Status int      `json:"status"`
	Stderr string   `json:"stderr"`
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exit status %d: %s", strings.Join(e.Argv, " "), e.Status, strings.TrimSpace(e.Stderr))
}

// Facts is what a machine is.
type Facts struct {
	Hostname    string    `json:"hostname"`
	Arch        string    `json:"arch"` // as GOARCH: amd64, arm64
	OS          string    `json:"os"`   // ID and VERSION_ID of os-release: "debian 12"
	Kernel      string    `json:"kernel"`
	MachineID   string    `json:"machine_id"`
	BootID      string    `json:"boot_id"`
	ProductUUID string    `json:"product_uuid,omitempty"`
	Virt        string    `json:"virt,omitempty"` // "docker", "kvm" as systemd-detect-virt says; "" on metal
	Root        bool      `json:"root"`           // effective uid 0
	Systemd     string    `json:"systemd"`        // version; "" where systemd is not process 1
	CgroupV2    bool      `json:"cgroup_v2"`
	CPUs        int       `json:"cpus"`
	Memory      int64     `json:"memory"` // bytes
	Swaps       []string  `json:"swaps,omitempty"`
	Now         time.Time `json:"now"`
	Disks       []Disk    `json:"disks,omitempty"` // of / and /var and the directories below that are mounts
	Resolvers   []string  `json:"resolvers,omitempty"`
	ResolvConf  string    `json:"resolv_conf"` // what a kubelet should use: systemd-resolved's upstream file where that runs
}

// Disk is the file system of a directory.
type Disk struct {
	Path string `json:"path"`
	Free int64  `json:"free"` // bytes, for root
	Size int64  `json:"size"` // bytes
	Type string `json:"type"` // "ext4"
}

// FileType is what stands at a path.
type FileType string

// The file types; Absent is nothing at all.
const (
	Absent  FileType = ""
	Regular FileType = "file"
	Dir     FileType = "directory"
	Link    FileType = "link"
	Other   FileType = "other"
)

// A FileQuery asks about one path.
type FileQuery struct {
	Path    string `json:"path"`
	Content bool   `json:"content,omitempty"` // the bytes, up to 1 MiB; a larger file is an error
	Digest  bool   `json:"digest,omitempty"`  // SHA-256; a recorded one serves while size, inode, mtime and ctime are the same
	Verify  bool   `json:"verify,omitempty"`  // hash even then
	List    bool   `json:"list,omitempty"`    // of a directory: its entries' names, sorted
}

// File is what stands at a path.
type File struct {
	Path    string    `json:"path"`
	Type    FileType  `json:"type"`
	Mode    uint32    `json:"mode"`  // permission bits with setuid, setgid and sticky as in chmod(1)
	Owner   string    `json:"owner"` // by name, or a number where there is no name
	Group   string    `json:"group"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
	Target  string    `json:"target,omitempty"`  // of a link
	Content []byte    `json:"content,omitempty"` // if asked for
	SHA256  string    `json:"sha256,omitempty"`  // if asked for; lower-case hex
	Entries []string  `json:"entries,omitempty"` // if asked for
	Secret  bool      `json:"secret,omitempty"`  // a private key: no content, whoever asks
}

// A FileSpec is a file as it should be.
type FileSpec struct {
	Path    string `json:"path"`
	Mode    uint32 `json:"mode"`  // 0644
	Owner   string `json:"owner"` // "" is root
	Group   string `json:"group"` // "" is root
	Content []byte `json:"content"`
}

// A DirSpec is a directory as it should be.
type DirSpec struct {
	Path  string `json:"path"`
	Mode  uint32 `json:"mode"`
	Owner string `json:"owner"` // "" is root
	Group string `json:"group"` // "" is root
}

// An InstallSpec is a file that comes by digest.
type InstallSpec struct {
	Path   string `json:"path"`
	Mode   uint32 `json:"mode"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
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

// KernelFeature is what the kernel can do.
type KernelFeature struct {
	Name     string `json:"name"`
	Present  bool   `json:"present"`  // built in or loaded
	Loadable bool   `json:"loadable"` // a module file is there
}

// Network is links, addresses and routes.
type Network struct {
	Links  []NetLink  `json:"links"`
	Routes []NetRoute `json:"routes"`
}

// NetLink is an interface.
type NetLink struct {
	Name string `json:"name"`
	Type string `json:"type"` // device, bridge, vxlan, tuntap, veth, ...
	MTU  int    `json:"mtu"`
	Up   bool   `json:"up"`
	MAC  string `json:"mac,omitempty"`
	// Master is the bridge or the like that it is a port of.
	Master string   `json:"master,omitempty"`
	Addrs  []string `json:"addrs,omitempty"` // in CIDR form: 192.0.2.11/24
}

// NetRoute is a route of the main table.
type NetRoute struct {
	Dst string `json:"dst"` // CIDR; "0.0.0.0/0" or "::/0" is the default route
	Via string `json:"via,omitempty"`
	Dev string `json:"dev"`
	Src string `json:"src,omitempty"`
}

// A Chain is one of the packet filter that the kernel calls by itself.
type Chain struct {
	Family string `json:"family"` // ip, ip6, inet
	Table  string `json:"table"`
	Name   string `json:"name"`
	Hook   string `json:"hook"`           // input or forward
	Policy string `json:"policy"`         // accept or drop: of what no rule decided
	Last   string `json:"last,omitempty"` // drop or reject if its last rule does that to all that is left
}

// Resolved is what a name stands for.
type Resolved struct {
	Name  string   `json:"name"`
	Addrs []string `json:"addrs,omitempty"`
	Err   string   `json:"err,omitempty"` // why there are none
}

// User is an account of the system.
type User struct {
	Name   string `json:"name"`
	Exists bool   `json:"exists"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
}

// Program is a program in the search path.
type Program struct {
	Name string `json:"name"`
	Path string `json:"path"` // "" where it is missing
}

// Socket is one that listens (tcp) or is bound (udp).
type Socket struct {
	Proto   string `json:"proto"` // tcp or udp
	Addr    string `json:"addr"`  // 0.0.0.0, ::, 127.0.0.1, ...
	Port    int    `json:"port"`
	PID     int    `json:"pid,omitempty"`     // 0 for the kernel's own
	Process string `json:"process,omitempty"` // its name
	Unit    string `json:"unit,omitempty"`    // the systemd unit it belongs to
	State   string `json:"state,omitempty"`   // R, S, D, T (stopped), Z of the process
}

// Key is the public side of a private key.
type Key struct {
	Path   string `json:"path"`
	Public []byte `json:"public,omitempty"` // PKIX, PEM
	Mode   uint32 `json:"mode"`
	Owner  string `json:"owner"`
	Group  string `json:"group"`
}

// A KeySpec is a private key as it should be kept.
type KeySpec struct {
	Path  string `json:"path"`
	Mode  uint32 `json:"mode"`  // 0600, 0640
	Owner string `json:"owner"` // "" is root
	Group string `json:"group"` // "" is root
}

// A SignRequest asks a host for a certificate made with one of its keys.
type SignRequest struct {
	KeyPath  string      `json:"key_path"`            // the signer's key
	CertPath string      `json:"cert_path,omitempty"` // the signer's certificate; "" signs itself
	Request  []byte      `json:"request,omitempty"`   // PKCS #10, PEM; whose signature is verified; not for self-signed
	Profile  CertProfile `json:"profile"`
}

// A CertProfile is what a certificate says.
type CertProfile struct {
	CommonName    string        `json:"common_name"`
	Organizations []string      `json:"organizations,omitempty"`
	DNSNames      []string      `json:"dns_names,omitempty"`
	IPs           []string      `json:"ips,omitempty"`
	CA            bool          `json:"ca,omitempty"`     // may sign, path length 1
	Server        bool          `json:"server,omitempty"` // extended key usage serverAuth
	Client        bool          `json:"client,omitempty"` // extended key usage clientAuth
	Lifetime      time.Duration `json:"lifetime"`         // counted from now; NotBefore lies 5 minutes back
}

// A KubeRequest is one request to the API server.
type KubeRequest struct {
	Method      string `json:"method"` // GET, POST, PATCH, PUT, DELETE
	Path        string `json:"path"`   // with the query: /api/v1/nodes?limit=1
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"`
}

// KubeResponse is its answer. Bodies of Secret objects come without data.
type KubeResponse struct {
	Status int    `json:"status"`
	Body   []byte `json:"body"`
}

// A GetRequest is one GET that a host makes.
type GetRequest struct {
	URL      string `json:"url"`
	CAPath   string `json:"ca_path,omitempty"`   // the file to verify the server with; "" for http
	CertPath string `json:"cert_path,omitempty"` // client certificate, if any
	KeyPath  string `json:"key_path,omitempty"`
	Lines    string `json:"lines,omitempty"` // only the lines of the body that begin so: metrics are long
}
