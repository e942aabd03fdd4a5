/**
 * Variable-length integers of the native protocol: as many leading one bits in the first byte as bytes follow it.
 * Source: `doc/native_protocol_v5.spec`, [unsigned vint] and [vint].
 */

/** Bytes of an unsigned vint: 7 bits per byte up to 8 bytes, 64 bits in 9. */
export function vintSize(value: bigint): number {
  let size = 1
  while (size < 9 && value >> BigInt(7 * size) > 0n) size++
  return size
}

/** Writes an unsigned vint and returns its end. */
export function writeVint(bytes: Uint8Array, offset: number, value: bigint): number {
  const size = vintSize(value)
  let rest = value
  for (let i = size - 1; i >= 0; i--) {
    bytes[offset + i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  bytes[offset] = (bytes[offset] as number) | (0xff00 >> (size - 1))
  return offset + size
}

/** A signed 64-bit integer as an unsigned one in which small numbers of either sign are small. */
export function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
}

/** The unsigned vint at an offset, which must be a safe integer. */
export function readVint(bytes: Uint8Array, offset: number): number {
  const size = vintSizeAt(bytes, offset)
  let value = (bytes[offset] as number) & (0xff >> size)
  for (let i = 1; i < size; i++) value = value * 256 + (bytes[offset + i] as number)
  return value
}

/** Bytes of the vint at an offset, by its first byte. */
export function vintSizeAt(bytes: Uint8Array, offset: number): number {
  return 1 + Math.clz32(~((bytes[offset] as number) << 24))
}

/** The signed vint at an offset. */
export function readSignedVint(bytes: Uint8Array, offset: number): bigint {
  const size = vintSizeAt(bytes, offset)
  let value = BigInt((bytes[offset] as number) & (0xff >> size))
  for (let i = 1; i < size; i++) value = (value << 8n) | BigInt(bytes[offset + i] as number)
  return (value >> 1n) ^ -(value & 1n)
}
