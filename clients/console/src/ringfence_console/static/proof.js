/* Verifies a receipt (C2SP tlog-proof): RFC 6962 leaf hash, RFC 9162 section 2.1.3.2, Ed25519 signed note. Refused is
   what ringfence_verifier refuses: one encoding of everything, nothing that is passed over. */
const SPACE = "\\t\\n\\v\\f\\r \\x1c-\\x1f\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SIGNED = new RegExp(`^\u2014 ([^+${SPACE}]+) ([A-Za-z0-9+/]+={0,2})$`, "u");
const FORBIDDEN = /[\x00-\x09\x0b-\x1f\ud800-\udfff]/u;
const NUMBER = /^(0|[1-9][0-9]{0,18})$/, MOST = (1n << 63n) - 1n, HEADER = "c2sp.org/tlog-proof@v1", MOST_BYTES = 1000000;
const [RECEIPT, CHECKPOINT, SIGNATURE, KEY] = ["RECEIPT", "CHECKPOINT", "SIGNATURE", "KEY"].map((each) => each + "_REFUSED");
const utf8 = (text) => new TextEncoder().encode(text);

class Refused extends Error {
  constructor(reason) { super(reason); this.reason = reason; }
}
const require = (holds, reason) => { if (!holds) throw new Refused(reason); };
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

function decoded(text, reason) {
  let raw;
  try { raw = atob(text); } catch { throw new Refused(reason); }
  require(btoa(raw) === text, reason);
  return Uint8Array.from(raw, (each) => each.charCodeAt(0));
}
function number(text, reason) {
  require(NUMBER.test(text) && BigInt(text) <= MOST, reason);
  return BigInt(text);
}

async function keyOf([vkey, first, last]) {
  const [, name, id, encoded] = /^([^+]*)\+([^+]*)\+([^]*)$/.exec(vkey) || [];
  require(name && !FORBIDDEN.test(vkey) && !new RegExp(`[${SPACE}]`).test(name), KEY);
  const key = decoded(encoded, KEY);
  require(key.length === 33 && key[0] === 1, KEY);
  const digest = (await sha256(utf8(name + "\n"), key)).slice(0, 4);
  require(id === Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""), KEY);
  return { name, id: digest, key: key.slice(1), first: BigInt(first), last: last === null ? null : BigInt(last) };
}

/** Checks that each key that has to have signed a checkpoint of this size has, and no other of the log's. */
async function requireSigned(text, lines, size, keys, holds) {
  require(lines.length <= 64, CHECKPOINT);
  const signed = lines.map((line) => {
    const match = SIGNED.exec(line);
    require(match, CHECKPOINT);
    const content = decoded(match[2], CHECKPOINT);
    require(content.length >= 5, CHECKPOINT);
    return { name: match[1], id: content.slice(0, 4), signature: content.slice(4) };
  });
  const own = keys.filter((key) => key.first <= size && (key.last === null || size <= key.last));
  require(own.length, SIGNATURE);
  for (const key of own) {
    const by = signed.filter((each) => each.name === key.name && same(each.id, key.id));
    require(by.length, SIGNATURE);
    for (const { signature } of by) require(await holds(key.key, signature, utf8(text)), SIGNATURE);
  }
}

/** Heads of sources are whole and in order, each once. */
function requireHeads(lines) {
  const names = lines.filter((line) => line.startsWith("source ")).map((line) => {
    const [, name, epoch, position, hash, ...more] = line.split(" ");
    number(epoch, CHECKPOINT);
    number(position, CHECKPOINT);
    require(name && !more.length && decoded(hash, CHECKPOINT).length === 32, CHECKPOINT);
    return String.fromCharCode(...utf8(name));
  });
  require(names.every((name, at) => !at || names[at - 1] < name), CHECKPOINT);
}

async function requireIncluded(leaf, index, size, root, path, result) {
  let hash = await sha256([0], leaf), at = index, last = size - 1n;
  result.hashes.push(hash);
  for (const beside of path) {
    require(last !== 0n, "NOT_INCLUDED");
    if (at % 2n === 1n || at === last) {
      hash = await sha256([1], beside, hash);
      while (at % 2n === 0n && at !== 0n) { at /= 2n; last /= 2n; }
    } else hash = await sha256([1], hash, beside);
    at /= 2n; last /= 2n;
    result.hashes.push(hash);
  }
  require(last === 0n && same(hash, root), "NOT_INCLUDED");
}

/** Ed25519 as WebCrypto and OpenSSL have it: no cofactor, S below the order, R compared as it is encoded. */
async function nobleHolds(noble, key, signature, message) {
  const { Point, CURVE, etc } = noble, little = (bytes) => bytes.reduceRight((sum, byte) => (sum << 8n) + BigInt(byte), 0n);
  const scalar = little(signature.slice(32)), point = signature.slice(0, 32);
  if (signature.length !== 64 || scalar >= CURVE.n) return false;
  const challenge = etc.mod(little(await etc.sha512Async(joined(point, key, message))), CURVE.n);
  const known = Point.fromHex(key, true).negate().multiply(challenge, false);
  const { x, y } = Point.BASE.multiply(scalar, false).add(known).toAffine();
  return little(point) === (y | (x & 1n) << 255n);
}
const WAYS = [
  async () => (key, signature, message) => crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"])
    .then((known) => crypto.subtle.verify({ name: "Ed25519" }, known, signature, message)),
  async () => {
    const noble = await import("./noble-ed25519.js");
    return (...given) => nobleHolds(noble, ...given).catch(() => false);
  },
];
/** Gives the first way that finds a known signature right; or null. */
async function found() {
  const key = decoded("O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="), message = utf8("ringfence-probe");
  const signature = decoded("g3meJXi5iAhDOGJ0D/2NSpcJwIpvUMVPP9bPSzeB5lDl6fSMCOqE1XnY5EvLoAJDVgDh60QAaZiTguQNCXJpAA==");
  for (const way of WAYS) {
    try {
      const holds = await way();
      if (await holds(key, signature, message) && !await holds(key, signature, utf8("another"))) return holds;
    } catch { /* Not there. */ }
  }
  return null;
}
let support;

/** Gives `state` (proven, refused, unchecked), the `reason` of a refusal, which checks hold, and the hashes upwards.
    `keys` are [vkey, first, last], `leaf` the bytes that are shown, `least` the size that is known to be signed. */
export async function verify(text, keys, leaf, index, least) {
  const result = { state: "refused", reason: "", leaf: false, path: false, signature: false, hashes: [] };
  const holds = await (support ??= found());
  if (!holds) return { ...result, state: "unchecked" };
  try {
    const known = await Promise.all(keys.map(keyOf));
    require(known.length, KEY);
    const end = text.indexOf("\n\n"), note = text.slice(end + 2), cut = note.lastIndexOf("\n\n");
    require(end > 0 && text.length <= MOST_BYTES, RECEIPT);
    const [header, extra, place, ...path] = text.slice(0, end).split("\n");
    require(header === HEADER && extra?.startsWith("extra ") && place?.startsWith("index ") && path.length <= 63, RECEIPT);
    require(number(place.slice(6), RECEIPT) === BigInt(index), "OTHER_FACT");
    const carried = decoded(extra.slice(6), RECEIPT);
    const hashes = path.map((line) => decoded(line, RECEIPT));
    require(hashes.every((hash) => hash.length === 32), RECEIPT);
    require(utf8(note).length <= MOST_BYTES && cut > 0 && note.endsWith("\n") && cut + 2 < note.length && !FORBIDDEN.test(note), CHECKPOINT);
    const body = note.slice(0, cut + 1), lines = body.slice(0, -1).split("\n");
    require(lines.length >= 3 && !lines.includes(""), CHECKPOINT);
    require(known.every((key) => key.name === lines[0]), "OTHER_LOG");
    const size = number(lines[1], CHECKPOINT), root = decoded(lines[2], CHECKPOINT);
    require(root.length === 32, CHECKPOINT);
    requireHeads(lines.slice(3));
    await requireSigned(body, note.slice(cut + 2, -1).split("\n"), size, known, holds);
    result.signature = true;
    require(BigInt(least) <= size, "OLDER_THAN_SHOWN");
    require(BigInt(index) < size, "NOT_INCLUDED");
    await requireIncluded(leaf, BigInt(index), size, root, hashes, result);
    result.path = true;
    require(same(carried, leaf), "OTHER_FACT");
    result.leaf = true;
    result.state = "proven";
  } catch (error) { result.reason = error.reason || RECEIPT; }
  return result;
}
