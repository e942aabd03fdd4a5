import { writeFileSync } from 'node:fs'
import { papers } from './papers.ts'

/** `npm run options` writes the descriptions of options from their entries. */
for (const { path, text, wanted } of papers()) {
  if (text !== wanted) writeFileSync(path, wanted)
  console.log(`${text === wanted ? 'unchanged' : 'written'}: ${path}`)
}
