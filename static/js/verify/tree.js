// The tree and its proofs (sections 7 and 8). Sizes and places are BigInt: a tree may have 2^63 - 1 leaves.
import { demand, same, sha256 } from "./bytes.js";

export const LARGEST_SIZE = 2n ** 63n - 1n;
export const HASH = 32;

export const node = (left, right) => sha256(Uint8Array.of(1), left, right);

// Refuse unless the leaf stands at this place of the tree of this size and root.
export async function proveInclusion(leaf, index, size, path, root) {
  demand(size > 0n && size <= LARGEST_SIZE, "bad_size");
  demand(index >= 0n && index < size, "bad_index");
  demand([leaf, root, ...path].every((held) => held.length === HASH), "bad_hash");
  let here = index;
  let last = size - 1n;
  let climbed = leaf;
  for (const beside of path) {
    demand(last > 0n, "proof_too_long");
    if (here & 1n || here === last) {
      climbed = await node(beside, climbed);
      while (here && !(here & 1n)) {
        here >>= 1n;
        last >>= 1n;
      }
    } else {
      climbed = await node(climbed, beside);
    }
    here >>= 1n;
    last >>= 1n;
  }
  demand(last === 0n, "proof_too_short");
  demand(same(climbed, root), "wrong_root");
}

// A number as others read it: one beyond what JSON can say stays a text.
export const plain = (number) => (number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : String(number));
