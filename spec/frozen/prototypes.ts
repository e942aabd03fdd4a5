/**
 * Freezes what a prototype pollution would change. An assignment to an inherited name, such as `constructor`, then throws.
 * The drivers are loaded first, because their dependency `long` makes such assignments while it loads.
 */
import 'cassandra-driver'
import '../values/secondDriver.ts'

Object.freeze(Object.prototype)
Object.freeze(Array.prototype)
