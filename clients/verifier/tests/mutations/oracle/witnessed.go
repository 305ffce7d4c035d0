package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// cosigner verifies cosignatures (C2SP tlog-cosignature, Ed25519) as a key that the note package asks.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize || signature[0] > 0x7f {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(c.key, append([]byte(head), text...), signature[8:])
}

func parseCosigner(vkey string) (cosigner, error) {
	malformed := errors.New("no key of a cosigner")
	name, rest, _ := strings.Cut(vkey, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	hash, err := hex.DecodeString(id)
	key, err2 := base64.StdEncoding.DecodeString(encoded)
	if err != nil || err2 != nil || len(hash) != 4 || len(key) != 33 || key[0] != 4 {
		return cosigner{}, malformed
	}
	if name == "" || !utf8.ValidString(name) || strings.IndexFunc(name, unicode.IsSpace) >= 0 {
		return cosigner{}, malformed
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	if !bytes.Equal(sum[:4], hash) {
		return cosigner{}, malformed
	}
	return cosigner{name, binary.BigEndian.Uint32(hash), key[1:]}, nil
}

func cosigned(given *evidence) (tlog.Tree, error) {
	by, err := parseCosigner(string(given.Cosigner))
	if err != nil {
		return tlog.Tree{}, err
	}
	log, err := note.NewVerifier(string(given.Key))
	if err != nil {
		return tlog.Tree{}, err
	}
	open, err := note.Open(given.Note, note.VerifierList(log, by))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(open.Sigs) != 2 {
		return tlog.Tree{}, errors.New("not signed by both")
	}
	return checkpoint(given.Note, given.Key)
}

// tiles are what somebody serves; tlog checks them against the tree.
type tiles map[tlog.Tile][]byte

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(asked []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, each := range asked {
		content, is := t[each]
		if !is {
			return nil, fmt.Errorf("nobody has tile %s", each.Path())
		}
		found = append(found, content)
	}
	return found, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func tile(given *evidence) (string, error) {
	served := tiles{}
	for _, each := range given.Tiles {
		var place [3]int64
		for at := range place {
			var text string
			if err := json.Unmarshal(each[at], &text); err != nil {
				return "", err
			}
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return "", err
			}
			place[at] = number
		}
		var content []byte
		if err := json.Unmarshal(each[3], &content); err != nil {
			return "", err
		}
		served[tlog.Tile{H: 8, L: int(place[0]), N: place[1], W: int(place[2])}] = content
	}
	size, level, err := numbers(given.Size, given.Level)
	if err != nil {
		return "", err
	}
	index, width, err := numbers(given.Index, given.Width)
	if err != nil {
		return "", err
	}
	root, err := hashes([][]byte{given.Root})
	if err != nil {
		return "", err
	}
	if (index*256+width)<<(8*level) > size {
		return "", errors.New("outside of the tree")
	}
	var wanted []int64
	for at := int64(0); at < width; at++ {
		wanted = append(wanted, tlog.StoredHashIndex(int(8*level), index*256+at))
	}
	found, err := tlog.TileHashReader(tlog.Tree{N: size, Hash: root[0]}, served).ReadHashes(wanted)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, each := range found {
		sum.Write(each[:])
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// subtree judges the two that tlog knows: from the first leaf on, which is consistency, and of one leaf, inclusion.
func subtree(given *evidence) error {
	start, end, err := numbers(given.Start, given.End)
	if err != nil {
		return err
	}
	switch {
	case start == 0 && end > 0:
		given.OldSize, given.OldRoot = given.End, given.LeafHash
		return consistent(given)
	case end == start+1:
		given.Index = given.Start
		return included(given)
	}
	return errTooLarge
}
