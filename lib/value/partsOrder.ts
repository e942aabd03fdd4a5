import type { Bytes } from './bytes.ts'
import type { Order } from './compiledType.ts'
import { readVint, vintSizeAt } from './vint.ts'

/** Lists, sets and maps, part by part. `orders` alternate: a map has the order of its keys and that of its values. */
export function collectionOrder(...orders: readonly Order[]): Order {
  return (bytes, a, aEnd, b, bEnd) =>
    sizedOrder(bytes, a + 4, aEnd, b + 4, bEnd, orders) || bytes.readInt32BE(a) - bytes.readInt32BE(b)
}

/** Tuples and user-defined types. A null part comes first. */
export function tupleOrder(orders: readonly Order[]): Order {
  return (bytes, a, aEnd, b, bEnd) => sizedOrder(bytes, a, aEnd, b, bEnd, orders)
}

export function vectorOrder(order: Order, fixedSize: number | undefined): Order {
  return (bytes, a, aEnd, b, bEnd) => {
    let left = a
    let right = b
    let difference = 0
    while (difference === 0 && left < aEnd && right < bEnd) {
      const leftSize = fixedSize ?? readVint(bytes, left)
      const rightSize = fixedSize ?? readVint(bytes, right)
      if (fixedSize === undefined) {
        left += vintSizeAt(bytes, left)
        right += vintSizeAt(bytes, right)
      }
      difference = order(bytes, left, left + leftSize, right, right + rightSize)
      left += leftSize
      right += rightSize
    }
    return difference
  }
}

function sizedOrder(
  bytes: Buffer,
  a: number,
  aEnd: number,
  b: number,
  bEnd: number,
  orders: readonly Order[],
): number {
  let left = a
  let right = b
  for (let i = 0; left < aEnd && right < bEnd; i++) {
    const leftSize = bytes.readInt32BE(left)
    const rightSize = bytes.readInt32BE(right)
    left += 4
    right += 4
    if (leftSize < 0 || rightSize < 0) {
      if (leftSize < 0 && rightSize < 0) continue
      return leftSize < 0 ? -1 : 1
    }
    const order = orders[i % orders.length] as Order
    const difference = order(bytes, left, left + leftSize, right, right + rightSize)
    if (difference !== 0) return difference
    left += leftSize
    right += rightSize
  }
  return 0
}

/**
 * Sorts elements, or entries by their keys, into the server's order. Each part starts at one of `starts` with the four bytes of
 * its length. The last part ends at the end of the row so far.
 */
export function sortParts(out: Bytes, starts: readonly number[], order: Order): void {
  const [first] = starts
  if (first === undefined || starts.length === 1) return
  const parts = out.view(first)
  if (isSorted(parts, starts, first, order)) return
  const given = Buffer.from(parts)
  const places = starts.map((_, place) => place)
  places.sort((a, b) =>
    compareKeys(given, (starts[a] as number) - first, (starts[b] as number) - first, order),
  )
  let at = 0
  for (const place of places) {
    const end = starts[place + 1] ?? out.length
    at += given.copy(parts, at, (starts[place] as number) - first, end - first)
  }
}

function isSorted(parts: Buffer, starts: readonly number[], first: number, order: Order): boolean {
  for (let i = 1; i < starts.length; i++) {
    const difference = compareKeys(
      parts,
      (starts[i - 1] as number) - first,
      (starts[i] as number) - first,
      order,
    )
    if (difference > 0) return false
  }
  return true
}

/** Compares the parts after the lengths at two offsets. */
function compareKeys(bytes: Buffer, a: number, b: number, order: Order): number {
  return order(bytes, a + 4, a + 4 + bytes.readInt32BE(a), b + 4, b + 4 + bytes.readInt32BE(b))
}
