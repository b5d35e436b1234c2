// Lints texts as if they stood in certain files, and prints which rules they break: reads a JSON list of
// { file, code } from standard input. ESLint's configuration is an ES module, so Jest can't load it itself.
import { ESLint } from 'eslint';
import { readFileSync } from 'node:fs';

// In CI the parser would otherwise take what is on disk in place of the text.
process.env.TSESTREE_SINGLE_RUN = 'false';

const eslint = new ESLint();
const results = [];
for (const { file, code } of JSON.parse(readFileSync(0, 'utf8'))) {
  const [result] = await eslint.lintText(code, { filePath: file });
  results.push(result.messages.map(({ ruleId, message }) => ruleId ?? message));
}
console.log(JSON.stringify(results));
