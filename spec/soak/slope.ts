/** Least-squares slope of y over x; NaN for fewer than two points. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  let products = 0
  let squares = 0
  for (const point of points) {
    products += (point[0] - x) * (point[1] - y)
    squares += (point[0] - x) ** 2
  }
  return products / squares
}
