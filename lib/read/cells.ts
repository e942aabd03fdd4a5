export const LENGTH_BYTES = 4

/** A length, 0 beyond the end of the page. A check per length would cost more than the rest, and one at the end of the rows is enough. */
export function lengthAt(bytes: Buffer, at: number): number {
  const byte = (i: number) => bytes[at + i] as number
  return (byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)
}

/** The end of values that are each preceded by their length. */
export function endOf(bytes: Buffer, from: number, count: number): number {
  let at = from
  for (let i = 0; i < count; i++) at += LENGTH_BYTES + Math.max(0, bytes.readInt32BE(at))
  return at
}
