import type { Identity } from './compiledType.ts'
import { readVint, vintSizeAt } from './vint.ts'

/**
 * Cassandra compares set elements and map keys by value, not by bytes: the decimals 1.0 and 1.00 are one. Of two that
 * are equal it keeps one in silence, so they must be found before they are sent.
 */
export const bytesIdentity: Identity = bytes => bytes.toString('latin1')

/** Of lists, sets and maps; of a map the identities of keys and values take turns. Sets and maps are in order by then. */
export function collectionIdentity(...parts: readonly Identity[]): Identity {
  if (parts.every(part => part === bytesIdentity)) return bytesIdentity
  return bytes => joined(sizedParts(bytes, 4), parts)
}

export function tupleIdentity(elements: readonly Identity[]): Identity {
  if (elements.every(element => element === bytesIdentity)) return bytesIdentity
  return bytes => joined(sizedParts(bytes, 0), elements)
}

export function vectorIdentity(element: Identity, fixedSize: number | undefined): Identity {
  if (element === bytesIdentity) return bytesIdentity
  return bytes => joined(vectorParts(bytes, fixedSize), [element])
}

/** Parts with a 32-bit length each, below zero for null. */
function sizedParts(bytes: Buffer, from: number): (Buffer | null)[] {
  const parts: (Buffer | null)[] = []
  for (let at = from; at < bytes.length; ) {
    const size = bytes.readInt32BE(at)
    at += 4
    parts.push(size < 0 ? null : bytes.subarray(at, at + size))
    at += Math.max(size, 0)
  }
  return parts
}

function vectorParts(bytes: Buffer, fixedSize: number | undefined): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = fixedSize ?? readVint(bytes, at)
    if (fixedSize === undefined) at += vintSizeAt(bytes, at)
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

/** Each part's identity after its length, so that no two sequences read the same. */
function joined(parts: readonly (Buffer | null)[], identities: readonly Identity[]): string {
  return parts
    .map((part, i) => {
      if (part === null) return '-'
      const identity = (identities[i % identities.length] as Identity)(part)
      return `${identity.length}:${identity}`
    })
    .join('')
}
