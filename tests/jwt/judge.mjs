// Judges tokens by jose: key set in a file, a token in hex per line of
// stdin; prints "taken" or the code of the refusal for each.
import { readFileSync } from 'node:fs';
import { importJWK, jwtVerify } from 'jose';

const [setFile, now] = process.argv.slice(2);
const keys = new Map();

for (const jwk of JSON.parse(readFileSync(setFile, 'utf8')).keys) {
  keys.set(jwk.kid, { alg: jwk.alg, key: await importJWK(jwk, jwk.alg) });
}

const options = {
  issuer: 'i',
  audience: ['a', 'other'],
  requiredClaims: ['iss', 'aud', 'sub', 'exp'],
  currentDate: new Date(Number(now) * 1000),
};

async function judge(token) {
  try {
    await jwtVerify(token, (header) => {
      const found = keys.get(header.kid);
      if (!found || found.alg !== header.alg) {
        throw Object.assign(new Error(), { code: 'NO_KEY' });
      }
      return found.key;
    }, options);
    return 'taken';
  } catch (e) {
    return e.code ?? e.name;
  }
}

const out = [];
for (const line of readFileSync(0, 'latin1').split('\n')) {
  if (line !== '') {
    out.push(await judge(Buffer.from(line, 'hex').toString('latin1')));
  }
}
console.log(out.join('\n'));
