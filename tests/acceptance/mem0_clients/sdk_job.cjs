// Mem0's npm client, unmodified, in a process of its own that is spoken to in lines of JSON.
// Argument: the directory in which it is installed. Otherwise as sdk_job.py.
const { createRequire } = require("node:module");
const readline = require("node:readline");

const { MemoryClient } = createRequire(`${process.argv[2]}/`)("mem0ai");

async function main() {
  let client = null;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [method, args] = JSON.parse(line);
    let reply;
    try {
      if (method === "connect") client = new MemoryClient(args[0]);
      reply = { answer: method === "connect" ? null : ((await client[method](...args)) ?? null) };
    } catch (error) {
      reply = { error: [[error.name, error.constructor.name], [error.message, error.errorCode ?? null]] };
    }
    process.stdout.write(JSON.stringify(reply) + "\n");
  }
}

main();
