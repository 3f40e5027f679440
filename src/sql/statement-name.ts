import type { Node } from '@pgsql/types';
import { unwrap } from './tree.ts';

const names: Readonly<Record<string, string>> = {
  SelectStmt: 'SELECT', InsertStmt: 'INSERT', UpdateStmt: 'UPDATE', DeleteStmt: 'DELETE', MergeStmt: 'MERGE', CopyStmt: 'COPY', ExplainStmt: 'EXPLAIN',
  PrepareStmt: 'PREPARE', ExecuteStmt: 'EXECUTE', DeallocateStmt: 'DEALLOCATE', DeclareCursorStmt: 'DECLARE CURSOR', FetchStmt: 'FETCH',
  ClosePortalStmt: 'CLOSE', VariableSetStmt: 'SET', VariableShowStmt: 'SHOW', DiscardStmt: 'DISCARD', ListenStmt: 'LISTEN', NotifyStmt: 'NOTIFY',
  UnlistenStmt: 'UNLISTEN', LockStmt: 'LOCK TABLE', TruncateStmt: 'TRUNCATE TABLE', CallStmt: 'CALL', DoStmt: 'DO', CreateTableAsStmt: 'CREATE TABLE AS',
  ViewStmt: 'CREATE VIEW', CreateStmt: 'CREATE TABLE', AlterTableStmt: 'ALTER TABLE', IndexStmt: 'CREATE INDEX', VacuumStmt: 'VACUUM',
  CreateRoleStmt: 'CREATE ROLE', AlterRoleStmt: 'ALTER ROLE', DropRoleStmt: 'DROP ROLE', GrantRoleStmt: 'GRANT ROLE', CreateSeqStmt: 'CREATE SEQUENCE',
  AlterSeqStmt: 'ALTER SEQUENCE', CreateFunctionStmt: 'CREATE FUNCTION', CreateTrigStmt: 'CREATE TRIGGER', CreateSchemaStmt: 'CREATE SCHEMA',
  CreateExtensionStmt: 'CREATE EXTENSION', CheckPointStmt: 'CHECKPOINT', RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW', ReindexStmt: 'REINDEX',
  ClusterStmt: 'CLUSTER', CommentStmt: 'COMMENT', RenameStmt: 'ALTER ... RENAME', AlterSystemStmt: 'ALTER SYSTEM', ConstraintsSetStmt: 'SET CONSTRAINTS',
};

/** The statement's kind for people and records, near PostgreSQL's command tags. */
export function statementName(node: Node): string {
  if ('TransactionStmt' in node) return (node.TransactionStmt.kind ?? 'TRANSACTION').replace('TRANS_STMT_', '').replaceAll('_', ' ');
  if ('DropStmt' in node) return `DROP ${(node.DropStmt.removeType ?? '').replace('OBJECT_', '').replaceAll('_', ' ')}`.trim();
  if ('GrantStmt' in node) return node.GrantStmt.is_grant === true ? 'GRANT' : 'REVOKE';
  const type = unwrap(node)?.type ?? 'UNKNOWN';
  return names[type] ?? type.replace(/Stmt$/, '').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase();
}
