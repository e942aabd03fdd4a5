import { writeFileSync } from 'node:fs'
import { papers } from './papers.ts'

/** `npm run options`: writes what is said of options as their entries say it. */
for (const { path, text, wanted } of papers()) {
  if (text !== wanted) writeFileSync(path, wanted)
  console.log(`${text === wanted ? 'as it was' : 'written'}: ${path}`)
}
