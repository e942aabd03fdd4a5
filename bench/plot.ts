/** One bar with the range of its rounds. */
export interface Bar {
  readonly label: string
  readonly value: number
  readonly least: number
  readonly most: number
  /** Drawn in the accent colour. */
  readonly accented: boolean
}

export interface BarGroup {
  readonly title: string
  readonly bars: readonly Bar[]
}

export interface Line {
  readonly label: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export interface LineChart {
  readonly title: string
  readonly xTitle: string
  readonly yTitle: string
  readonly lines: readonly Line[]
  /** Whether the x axis has powers of ten instead of even steps. */
  readonly logarithmic?: boolean
  /** A dashed horizontal line with its label. */
  readonly limit?: { readonly y: number; readonly label: string }
  /** Moments on the x axis, as faint vertical lines with one label. */
  readonly marks?: { readonly xs: readonly number[]; readonly label: string }
}

const WIDTH = 760
const FONT = 'font-family="system-ui, sans-serif"'
const COLOURS = ['#0b6e4f', '#c8553d', '#33658a', '#8d6a9f'] as const
const ACCENT = '#0b6e4f'
const PLAIN = '#a9b4c2'
const INK = '#1f2933'
const FAINT = '#d8dee6'
const MARK = 'stroke="#e3b7ac" stroke-width="1.5"'

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const xml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const text = (x: number, y: number, content: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${INK}" ${more}>${xml(content)}</text>`
const line = (x1: number, y1: number, x2: number, y2: number, more: string) =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${more}/>`

function picture(height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ${FONT} font-size="12">
<title>${xml(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text(16, 26, title, 'font-size="15" font-weight="600"')}
${parts.join('\n')}
</svg>
`
}

/** Horizontal bars on one scale that starts at zero. A thin line on each bar spans its rounds. */
export function barChart(title: string, groups: readonly BarGroup[]): string {
  const left = 190
  const right = WIDTH - 90
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(bar => bar.most)))
  const x = (value: number) => left + (value / most) * (right - left)
  const parts: string[] = []
  let y = 50
  for (const { title, bars } of groups) {
    parts.push(text(16, y + 10, title, 'font-weight="600"'))
    y += 20
    const top = y
    for (const { label, value, least, most, accented } of bars) {
      const middle = y + 9
      const width = (x(value) - left).toFixed(1)
      parts.push(
        text(left - 8, middle + 4, label, 'text-anchor="end"'),
        `<rect x="${left}" y="${y}" width="${width}" height="18" fill="${accented ? ACCENT : PLAIN}"/>`,
        line(x(least), middle, x(most), middle, `stroke="${INK}" stroke-width="1.5"`),
        text(x(Math.max(value, most)) + 6, middle + 4, number.format(value)),
      )
      y += 24
    }
    parts.push(line(left, top - 4, left, y - 2, `stroke="${INK}"`))
    y += 14
  }
  return picture(y + 4, title, parts)
}

/** Lines on a scale that starts at zero. */
export function lineChart(chart: LineChart): string {
  const { title, xTitle, yTitle, lines, logarithmic = false, limit, marks } = chart
  const box = { left: 70, right: WIDTH - 44, top: 50, bottom: 330 }
  const points = lines.flatMap(({ points }) => points)
  const xs = points.map(([x]) => (logarithmic ? Math.log10(x) : x))
  const [fromX, toX] = logarithmic ? [Math.min(...xs), Math.max(...xs)] : [0, Math.max(...xs)]
  const ySteps = steps(Math.max(...points.map(([, y]) => y), limit?.y ?? 0))
  const toY = ySteps.at(-1) ?? 1
  const x = (value: number) =>
    box.left + (((logarithmic ? Math.log10(value) : value) - fromX) / (toX - fromX)) * (box.right - box.left)
  const y = (value: number) => box.bottom - (value / toY) * (box.bottom - box.top)
  const xSteps = logarithmic ? [...new Set(points.map(([x]) => x))] : steps(toX).filter(step => step <= toX)
  const parts = [
    ...(marks?.xs ?? []).map(mark => line(x(mark), box.top, x(mark), box.bottom, MARK)),
    ...ySteps.flatMap(step => [
      line(box.left, y(step), box.right, y(step), `stroke="${FAINT}"`),
      text(box.left - 8, y(step) + 4, number.format(step), 'text-anchor="end"'),
    ]),
    ...xSteps.map(step => text(x(step), box.bottom + 18, number.format(step), 'text-anchor="middle"')),
    text((box.left + box.right) / 2, box.bottom + 38, xTitle, 'text-anchor="middle"'),
    text(16, box.top - 8, yTitle),
    ...lines.flatMap(({ label, points }, i) => {
      const colour = COLOURS[i % COLOURS.length] ?? INK
      const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ')
      const legend = box.left + i * 170
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        line(legend, box.bottom + 56, legend + 18, box.bottom + 56, `stroke="${colour}" stroke-width="3"`),
        text(legend + 24, box.bottom + 60, label),
      ]
    }),
  ]
  if (limit !== undefined) {
    parts.push(
      line(box.left, y(limit.y), box.right, y(limit.y), `stroke="${INK}" stroke-dasharray="5 4"`),
      text(box.right, y(limit.y) - 6, limit.label, 'text-anchor="end"'),
    )
  }
  if (marks !== undefined) {
    const legend = box.left + lines.length * 170
    parts.push(
      line(legend, box.bottom + 50, legend, box.bottom + 62, MARK),
      text(legend + 8, box.bottom + 60, marks.label),
    )
  }
  return picture(box.bottom + 76, title, parts)
}

/** Round numbers from 0 to at least `most`. */
function steps(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most))
  const step = [0.2, 0.5, 1, 2].map(part => part * power).find(part => most / part <= 6) ?? power * 2
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step)
}
