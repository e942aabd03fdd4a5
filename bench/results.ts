import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('results/', import.meta.url))

/** Saves the figures of a run, which git ignores, and the plot. */
export async function saveResults(name: string, figures: unknown, svg: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(figures)}\n`)
  await writeFile(`${folder}${name}.svg`, svg)
}
