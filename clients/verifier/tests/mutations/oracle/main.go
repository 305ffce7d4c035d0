// Judges evidence with the Go team's note and tlog packages: a JSON line for each case on standard input, a line for each
// verdict on standard output, "+" with what was accepted, "-" with why not, or "?" where tlog does not count so far.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type evidence struct {
	Kind     string
	Key      []byte
	Note     []byte
	Leaf     *[]byte
	LeafHash []byte `json:"leaf_hash"`
	Root     []byte
	OldRoot  []byte `json:"old_root"`
	Proof    [][]byte
	Index    string
	Size     string
	OldSize  string `json:"old_size"`
	Cosigner []byte
	Start    string
	End      string
	Level    string
	Width    string
	Tiles    [][]json.RawMessage
}

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	// tlog reads the tree of one log alone, whose text begins so.
	goTree = "go.sum database tree\n"
	// tlog looks for ever for a power of two just below a larger size.
	largestSize = 1 << 62
)

var errTooLarge = errors.New("larger than tlog counts")

func main() {
	cases := bufio.NewReaderSize(os.Stdin, 1<<20)
	verdicts := bufio.NewWriter(os.Stdout)
	defer verdicts.Flush()
	for {
		line, err := cases.ReadBytes('\n')
		if err != nil {
			return
		}
		var given evidence
		if err := json.Unmarshal(line, &given); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		said, err := judge(&given)
		if errors.Is(err, errTooLarge) {
			fmt.Fprintln(verdicts, "?")
		} else if err != nil {
			fmt.Fprintf(verdicts, "-%q\n", err.Error())
		} else {
			fmt.Fprintf(verdicts, "+%s\n", said)
		}
	}
}

func judge(given *evidence) (string, error) {
	switch given.Kind {
	case "inclusion":
		return "holds", included(given)
	case "consistency":
		return "holds", consistent(given)
	case "key":
		verifier, err := note.NewVerifier(string(given.Key))
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%x %08x", sha256.Sum256([]byte(verifier.Name())), verifier.KeyHash()), nil
	case "note":
		text, _, err := opened(given.Note, given.Key)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(text))), nil
	case "checkpoint":
		tree, err := checkpoint(given.Note, given.Key)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d %x", tree.N, tree.Hash[:]), nil
	case "receipt", "succession":
		return receipt(given)
	case "cosignature":
		tree, err := cosigned(given)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d %x", tree.N, tree.Hash[:]), nil
	case "tile":
		return tile(given)
	case "subtree":
		return "holds", subtree(given)
	}
	return "", errors.New("unknown kind")
}

func included(given *evidence) error {
	index, size, err := numbers(given.Index, given.Size)
	if err != nil {
		return err
	}
	path, err := hashes(append([][]byte{given.LeafHash, given.Root}, given.Proof...))
	if err != nil {
		return err
	}
	if size > largestSize {
		return errTooLarge
	}
	return tlog.CheckRecord(path[2:], size, path[1], index, path[0])
}

func consistent(given *evidence) error {
	old, size, err := numbers(given.OldSize, given.Size)
	if err != nil {
		return err
	}
	path, err := hashes(append([][]byte{given.OldRoot, given.Root}, given.Proof...))
	if err != nil {
		return err
	}
	if size > largestSize {
		return errTooLarge
	}
	return tlog.CheckTree(path[2:], size, path[1], old, path[0])
}

func opened(content, vkey []byte) (string, string, error) {
	verifier, err := note.NewVerifier(string(vkey))
	if err != nil {
		return "", "", err
	}
	open, err := note.Open(content, note.VerifierList(verifier))
	if err != nil {
		return "", "", err
	}
	return open.Text, verifier.Name(), nil
}

func checkpoint(content, vkey []byte) (tlog.Tree, error) {
	text, name, err := opened(content, vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	rest, is := strings.CutPrefix(text, name+"\n")
	if !is {
		return tlog.Tree{}, errors.New("another origin")
	}
	return tlog.ParseTree([]byte(goTree + rest))
}

func receipt(given *evidence) (string, error) {
	head, signed, found := bytes.Cut(given.Note, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || lines[0] != proofHeader {
		return "", errors.New("no proof")
	}
	lines = lines[1:]
	leaf := given.Leaf
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		extra, err := base64.StdEncoding.DecodeString(lines[0][len("extra "):])
		if err != nil || leaf != nil && !bytes.Equal(extra, *leaf) {
			return "", errors.New("another leaf")
		}
		leaf, lines = &extra, lines[1:]
	}
	if leaf == nil || len(lines) == 0 {
		return "", errors.New("no leaf or no index")
	}
	written, is := strings.CutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(written, 10, 64)
	if !is || err != nil || strconv.FormatInt(index, 10) != written {
		return "", errors.New("no index")
	}
	tree, err := checkpoint(signed, given.Key)
	if err != nil {
		return "", err
	}
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return "", err
		}
		path = append(path, hash)
	}
	if tree.N > largestSize {
		return "", errTooLarge
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(*leaf)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %x %d %x", tree.N, tree.Hash[:], index, sha256.Sum256(*leaf)), nil
}

func numbers(first, second string) (int64, int64, error) {
	one, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, err
	}
	other, err := strconv.ParseInt(second, 10, 64)
	return one, other, err
}

func hashes(values [][]byte) ([]tlog.Hash, error) {
	var made []tlog.Hash
	for _, value := range values {
		if len(value) != tlog.HashSize {
			return nil, errors.New("no hash")
		}
		made = append(made, tlog.Hash(value))
	}
	return made, nil
}
