#!/usr/bin/env node
import './wasm-memory.ts';
import { Command } from 'commander';
import { checkCommand } from './check-command.ts';
import { demoCommand } from './demo-command.ts';
import { explainCommand } from './explain-command.ts';
import { gatewayCommand } from './gateway-command.ts';
import { replayCommand } from './replay-command.ts';
import { sessionsCommand } from './sessions-command.ts';
import { tokenCommand } from './token-command.ts';
import { verifyCommand } from './verify-command.ts';
import { version } from './version.ts';

const program = new Command('chaperone')
  .description('a policy-enforcing, recording gateway between AI agents and what they may reach')
  .version(version)
  .showHelpAfterError('(see --help)');

for (const command of [gatewayCommand(), checkCommand(), explainCommand(), tokenCommand(), sessionsCommand(), replayCommand(), verifyCommand(), demoCommand()]) {
  program.addCommand(command);
}

await program.parseAsync();
