import type { Identity } from './compiledType.ts'
import { readVint, vintSizeAt } from './vint.ts'

/**
 * Cassandra compares set elements and map keys by value, not by bytes: the decimals 1.0 and 1.00 are equal. It silently keeps
 * one of two equal ones, so they must be found before they are sent.
 */
export const bytesIdentity: Identity = bytes => bytes.toString('latin1')

/** Identity of lists, sets and maps. In a map, identities of keys and values alternate. Sets and maps are already sorted. */
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

/** Parts preceded by a 32-bit length, which is negative for null. */
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

/** The identity of each part, preceded by its length, so that two sequences never read the same. */
function joined(parts: readonly (Buffer | null)[], identities: readonly Identity[]): string {
  return parts
    .map((part, i) => {
      if (part === null) return '-'
      const identity = (identities[i % identities.length] as Identity)(part)
      return `${identity.length}:${identity}`
    })
    .join('')
}
