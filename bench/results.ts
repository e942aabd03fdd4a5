import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('results/', import.meta.url))

/** Keeps the figures of a run (not in git) and its picture. */
export async function saveResults(name: string, figures: unknown, svg: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(figures)}\n`)
  await writeFile(`${folder}${name}.svg`, svg)
}
