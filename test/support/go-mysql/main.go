// A server of another author for the tests: go-mysql's MySQL protocol with MySQL's three password plugins. It listens
// once for each plugin and prints the ports as one line of JSON, `{"sha256_password":40001, …}`; a client that begins
// with another plugin is asked to switch. Its arguments: the password of all users, and the users. With
// caching_sha2_password a user's first login takes the full authentication, later ones the fast one. Tables: `seq_N` has
// the rows 1 to N; `missing` is not there. Ends with its stdin.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
)

// A type of our own: with its InMemoryProvider go-mysql plays every login as a fast one.
type provider struct{ *server.InMemoryProvider }

// One for each connection.
type handler struct {
	server.EmptyHandler
	conn *server.Conn
}

var (
	sequence = regexp.MustCompile(`(?i)\bfrom\s+seq_(\d{1,4})\b`)
	missing  = regexp.MustCompile(`(?i)\b(from|into|update)\s+missing\b`)
	variable = regexp.MustCompile(`@@[\w.]+`)
)

// rowsOf: what a SELECT answers with.
func rowsOf(text string, binary bool) (*mysql.Resultset, error) {
	if found := sequence.FindStringSubmatch(text); found != nil {
		last, _ := strconv.Atoi(found[1])
		rows := make([][]any, last)
		for i := range rows {
			rows[i] = []any{int64(i + 1), fmt.Sprintf("thing %d", i+1)}
		}
		return mysql.BuildSimpleResultset([]string{"seq", "name"}, rows, binary)
	}
	// What connectors ask for at the start: @@max_allowed_packet and others.
	if names := variable.FindAllString(text, -1); names != nil {
		return mysql.BuildSimpleResultset(names, [][]any{make([]any, len(names))}, binary)
	}
	return mysql.BuildSimpleResultset([]string{"n"}, [][]any{{int64(42)}}, binary)
}

func (h *handler) answer(text string, binary bool) (*mysql.Result, error) {
	if missing.MatchString(text) {
		return nil, mysql.NewDefaultError(mysql.ER_NO_SUCH_TABLE, "shop", "missing")
	}
	switch word, _, _ := strings.Cut(strings.ToLower(text), " "); word {
	case "select":
		rows, err := rowsOf(text, binary)
		return &mysql.Result{Resultset: rows}, err
	case "insert":
		return &mysql.Result{AffectedRows: 1, InsertId: 7}, nil
	case "update", "delete":
		return &mysql.Result{AffectedRows: 3}, nil
	case "begin", "start":
		h.conn.SetInTransaction()
	case "commit", "rollback":
		h.conn.ClearInTransaction()
	case "set":
	default:
		return nil, mysql.NewDefaultError(mysql.ER_PARSE_ERROR, "cannot read this", word, 1)
	}
	return nil, nil
}

func (h *handler) HandleQuery(text string) (*mysql.Result, error) { return h.answer(text, false) }

func (h *handler) HandleStmtPrepare(text string) (params int, columns int, context any, err error) {
	if missing.MatchString(text) {
		err = mysql.NewDefaultError(mysql.ER_NO_SUCH_TABLE, "shop", "missing")
	} else if rows, _ := rowsOf(text, true); strings.HasPrefix(text, "select") {
		columns = len(rows.Fields)
	}
	return strings.Count(text, "?"), columns, nil, err
}

func (h *handler) HandleStmtExecute(_ any, text string, _ []any) (*mysql.Result, error) {
	return h.answer(text, true)
}

// keys: a certificate that signs itself, and its public key in PEM. go-mysql decrypts passwords with the certificate's key.
func keys() (*tls.Config, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(0, 0, 7)}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	check(err)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	check(err)
	own := tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{own}}, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
}

func serve(socket net.Conn, settings *server.Server, known provider) {
	defer socket.Close()
	own := &handler{}
	conn, err := server.NewCustomizedConn(socket, settings, known, own)
	for own.conn = conn; err == nil && !conn.Closed(); {
		err = conn.HandleCommand()
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	known := provider{server.NewInMemoryProvider()}
	for _, user := range os.Args[2:] {
		known.AddUser(user, os.Args[1])
	}
	tlsConfig, public := keys()
	ports := map[string]int{}
	for _, plugin := range []string{mysql.AUTH_NATIVE_PASSWORD, mysql.AUTH_CACHING_SHA2_PASSWORD, mysql.AUTH_SHA256_PASSWORD} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		ports[plugin] = listener.Addr().(*net.TCPAddr).Port
		settings := server.NewServer("8.0.12", mysql.DEFAULT_COLLATION_ID, plugin, public, tlsConfig)
		go func() {
			for {
				socket, err := listener.Accept()
				check(err)
				go serve(socket, settings, known)
			}
		}()
	}
	check(json.NewEncoder(os.Stdout).Encode(ports))
	_, _ = io.Copy(io.Discard, os.Stdin)
}
