package oshost

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/pmkctl/pmkctl/host"
)

const (
	containerdSocket = "/run/containerd/containerd.sock"
	namespace        = "k8s.io" // of containerd: the one that its CRI uses
	containerdLimit  = 10 * time.Second
)

// containerd is a client for the one call that every plan makes. To start ctr
// for it would cost 50 ms or more of processor time on each host, and grpc
// would add 6 MB to the agent.
var containerd = sync.OnceValue(func() *http.Client { return containerdAt(containerdSocket) })

func containerdAt(socket string) *http.Client {
	var plain http.Protocols
	plain.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{
		Protocols: &plain,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
		},
	}}
}

// Images lists the names of container images.
func (h *Host) Images(ctx context.Context) ([]string, error) { return images(ctx, containerd()) }

// images calls containerd.services.images.v1.Images/List with an empty
// message, which means no filter.
func images(ctx context.Context, c *http.Client) ([]string, error) {
	within, cancel := context.WithTimeout(ctx, containerdLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodPost,
		"http://containerd/containerd.services.images.v1.Images/List", bytes.NewReader(make([]byte, 5)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	req.Header.Set("Containerd-Namespace", namespace)
	resp, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("list images: %w", unavailable(ctx, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("list images: %w", unavailable(ctx, err))
	}
	if err := grpcStatus(resp); err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	if len(body) < 5 || body[0] != 0 || int(binary.BigEndian.Uint32(body[1:])) != len(body)-5 {
		return nil, errors.New("list images: containerd's answer is no single message")
	}
	return imageNames(body[5:])
}

// grpcStatus returns the error of a call. Status 14 means that containerd is
// starting or stopping.
func grpcStatus(resp *http.Response) error {
	status, text := resp.Trailer.Get("Grpc-Status"), resp.Trailer.Get("Grpc-Message")
	if status == "" { // an answer without a body has the trailers among its headers
		status, text = resp.Header.Get("Grpc-Status"), resp.Header.Get("Grpc-Message")
	}
	switch status {
	case "0":
		return nil
	case "14":
		return fmt.Errorf("%w: %s", host.ErrUnavailable, text)
	}
	return fmt.Errorf("containerd says %d, grpc status %q: %s", resp.StatusCode, status, text)
}

// imageNames reads a ListImagesResponse. Field 1 of it is an image, and field
// 1 of an image is its name.
func imageNames(msg []byte) ([]string, error) {
	var names []string
	err := eachField(msg, func(field uint64, image []byte) error {
		if field != 1 {
			return nil
		}
		return eachField(image, func(field uint64, value []byte) error {
			if field == 1 {
				names = append(names, string(value))
			}
			return nil
		})
	})
	return names, err
}

var errProtobuf = errors.New("list images: containerd's answer is damaged")

// eachField calls f for each field of a protobuf message whose value is
// bytes, and skips the others.
func eachField(msg []byte, f func(field uint64, value []byte) error) error {
	for len(msg) > 0 {
		tag, n := binary.Uvarint(msg)
		if n <= 0 {
			return errProtobuf
		}
		msg = msg[n:]
		skip := 0
		switch tag & 7 {
		case 0:
			_, skip = binary.Uvarint(msg)
		case 1:
			skip = 8
		case 5:
			skip = 4
		case 2:
			size, n := binary.Uvarint(msg)
			if n <= 0 || size > uint64(len(msg)-n) {
				return errProtobuf
			}
			if err := f(tag>>3, msg[n:n+int(size)]); err != nil {
				return err
			}
			skip = n + int(size)
		}
		if skip <= 0 || skip > len(msg) {
			return errProtobuf
		}
		msg = msg[skip:]
	}
	return nil
}

// ImportImage imports an OCI archive with ctr, containerd's own client.
func (h *Host) ImportImage(ctx context.Context, path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path", path)
	}
	// ctr waits long for a service that does not run.
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", containerdSocket)
	if err != nil {
		return fmt.Errorf("import %s: %w", path, unavailable(ctx, err))
	}
	conn.Close()
	_, err = h.run(ctx, []string{"ctr", "-n", namespace, "images", "import", path}, nil)
	return err
}
