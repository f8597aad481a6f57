// Command web is what the lab runs in pods: a server that answers with its
// host name, and the client that asks such servers, DNS and the API server.
//
//	web               serve HTTP on :8080
//	web get URL       print the body at URL
//	web lookup NAME   print the addresses of NAME, one a line
//	web token         call the API server with the mounted Service Account
//	                  token and print the HTTP status
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	listen   = ":8080"
	patience = 5 * time.Second // for one request of the client
	account  = "/var/run/secrets/kubernetes.io/serviceaccount/"
	whoami   = "https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews"
)

func main() {
	if err := command(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

func command(args []string, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	switch {
	case len(args) == 0:
		return serve(ctx)
	case len(args) == 2 && args[0] == "get":
		return get(ctx, out, args[1])
	case len(args) == 2 && args[0] == "lookup":
		return lookup(ctx, out, args[1])
	case len(args) == 1 && args[0] == "token":
		return token(ctx, out)
	}
	return errors.New("usage: web [get URL | lookup NAME | token]")
}

// serve answers every request with the host name until ctx ends.
func serve(ctx context.Context) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	s := &http.Server{
		Addr:              listen,
		ReadHeaderTimeout: patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, name)
		}),
	}
	go func() {
		<-ctx.Done()
		s.Close()
	}()
	fmt.Println("listening on", listen)
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func get(ctx context.Context, out io.Writer, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(out, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, resp.Status)
	}
	return nil
}

func lookup(ctx context.Context, out io.Writer, name string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		fmt.Fprintln(out, a)
	}
	return nil
}

// token sends the token of the mounted Service Account to the API server and
// prints the HTTP status. 201 means that the token was accepted.
func token(ctx context.Context, out io.Writer) error {
	secret, err := os.ReadFile(account + "token")
	if err != nil {
		return err
	}
	client, err := trusting(account + "ca.crt")
	if err != nil {
		return err
	}
	body := strings.NewReader(`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, whoami, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+string(secret))
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = fmt.Fprintln(out, resp.StatusCode)
	return err
}

// trusting returns a client that trusts the certificates in file and no others.
func trusting(file string) (*http.Client, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read %s: no certificate in it", file)
	}
	return &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}, nil
}
