/** Longer than any name of Cassandra or of an option. A bound, because a comparison costs the product of both lengths. */
const MOST_LENGTH = 250

/** Maximum number of known names that are compared. A table or a keyspace may have any number. */
const MOST_CANDIDATES = 2_000

/** The known names nearest to one that does not exist, nearest first: at most `most` of them. */
export function nearestNames(name: string, candidates: readonly string[], most = 3): string[] {
  if (name.length > MOST_LENGTH) return []
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
  const asked = plain(name)
  const farthest = Math.max(Math.min(2, asked.length - 1), asked.length / 3)
  return candidates
    .slice(0, MOST_CANDIDATES)
    .map(candidate => ({ candidate, distance: distanceBetween(asked, plain(candidate)) }))
    .filter(({ distance }) => distance <= farthest)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ candidate }) => candidate)
}

/** Edits from one to the other. A name that begins with the other is near (`ssl_ca`), but one edit is nearer. */
function distanceBetween(a: string, b: string): number {
  const isBeginning = Math.min(a.length, b.length) > 3 && (a.startsWith(b) || b.startsWith(a))
  return isBeginning ? Math.min(1.5, editDistance(a, b)) : editDistance(a, b)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(swap, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
    }
  }
  return row[b.length] ?? 0
}
