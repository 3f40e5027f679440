import type { Operation } from '../bundle/bundle.ts';

/** How a statement that is neither a query nor a write to rows is judged. */
export type StatementClass =
  /** Changes nothing but the session. */
  | { readonly kind: 'Free' }
  /** Definitions: `Ddl` on the relations it names, or as such. */
  | { readonly kind: 'Operation'; readonly operation: Operation }
  /** Stores code that later runs on raw tables: never while the subject has masks. */
  | { readonly kind: 'Code'; readonly operation: Operation }
  | { readonly kind: 'Never'; readonly message: string };

const ddl: StatementClass = { kind: 'Operation', operation: 'Ddl' };
const grant: StatementClass = { kind: 'Operation', operation: 'Grant' };
const maintenance: StatementClass = { kind: 'Operation', operation: 'Maintenance' };
const code: StatementClass = { kind: 'Code', operation: 'Ddl' };
const free: StatementClass = { kind: 'Free' };

function never(message: string): StatementClass {
  return { kind: 'Never', message };
}

/** By parse-tree node; what is not here is refused as unknown. Statements with an analyser of their own are not here either. */
export const statementClasses: ReadonlyMap<string, StatementClass> = new Map<string, StatementClass>([
  ['ConstraintsSetStmt', free],
  ['UnlistenStmt', free],
  ['CreateStmt', ddl], ['AlterTableStmt', ddl], ['AlterTableMoveAllStmt', never('moving every table of a tablespace is not possible through a gateway')],
  ['IndexStmt', ddl], ['CreateSchemaStmt', ddl], ['CreateSeqStmt', ddl], ['AlterSeqStmt', ddl], ['CreateEnumStmt', ddl], ['AlterEnumStmt', ddl],
  ['CompositeTypeStmt', ddl], ['CreateDomainStmt', ddl], ['AlterDomainStmt', ddl], ['CommentStmt', ddl], ['RenameStmt', ddl], ['DropStmt', ddl],
  ['AlterObjectSchemaStmt', ddl], ['AlterObjectDependsStmt', ddl], ['CreateStatsStmt', ddl], ['AlterStatsStmt', ddl], ['AlterTypeStmt', ddl],
  ['AlterCollationStmt', ddl], ['AlterTSConfigurationStmt', ddl], ['AlterTSDictionaryStmt', ddl], ['SecLabelStmt', grant],
  ['CreateRangeStmt', code], ['CreateFunctionStmt', code], ['AlterFunctionStmt', code], ['CreateTrigStmt', code], ['CreateEventTrigStmt', code],
  ['AlterEventTrigStmt', code], ['RuleStmt', code], ['CreateCastStmt', code], ['CreateTransformStmt', code], ['DefineStmt', code], ['CreateConversionStmt', code],
  ['CreateOpClassStmt', code], ['CreateOpFamilyStmt', code], ['AlterOpFamilyStmt', code], ['AlterOperatorStmt', code], ['CreatePLangStmt', code],
  ['CreateExtensionStmt', code], ['AlterExtensionStmt', code], ['AlterExtensionContentsStmt', code], ['CreateAmStmt', code],
  ['CreatePolicyStmt', code], ['AlterPolicyStmt', code], ['CreatePublicationStmt', code], ['AlterPublicationStmt', code],
  ['CreateForeignTableStmt', code], ['CreateFdwStmt', code], ['AlterFdwStmt', code], ['CreateForeignServerStmt', code],
  ['AlterForeignServerStmt', code], ['ImportForeignSchemaStmt', code], ['CreateUserMappingStmt', code], ['AlterUserMappingStmt', code],
  ['DropUserMappingStmt', code],
  ['GrantStmt', grant], ['GrantRoleStmt', grant], ['AlterDefaultPrivilegesStmt', grant], ['CreateRoleStmt', grant], ['AlterRoleStmt', grant],
  ['AlterRoleSetStmt', grant], ['DropRoleStmt', grant], ['AlterOwnerStmt', grant], ['ReassignOwnedStmt', grant], ['DropOwnedStmt', grant],
  ['VacuumStmt', maintenance], ['ClusterStmt', maintenance], ['ReindexStmt', maintenance], ['CheckPointStmt', maintenance], ['RefreshMatViewStmt', maintenance],
  ['AlterSystemStmt', never('the server\'s configuration cannot be changed through a gateway')],
  ['LoadStmt', never('libraries cannot be loaded through a gateway')],
  ['DoStmt', never('DO runs code that cannot be analysed')],
  ['CreatedbStmt', never('databases are not managed through a connection to one of them')],
  ['DropdbStmt', never('databases are not managed through a connection to one of them')],
  ['AlterDatabaseStmt', never('databases are not managed through a connection to one of them')],
  ['AlterDatabaseSetStmt', never('databases are not managed through a connection to one of them')],
  ['AlterDatabaseRefreshCollStmt', never('databases are not managed through a connection to one of them')],
  ['CreateTableSpaceStmt', never('tablespaces are files of the server')],
  ['DropTableSpaceStmt', never('tablespaces are files of the server')],
  ['AlterTableSpaceOptionsStmt', never('tablespaces are files of the server')],
  ['CreateSubscriptionStmt', never('replication is not possible through a gateway')],
  ['AlterSubscriptionStmt', never('replication is not possible through a gateway')],
  ['DropSubscriptionStmt', never('replication is not possible through a gateway')],
  ['ReplicaIdentityStmt', ddl],
]);

/** Statements whose string literals are passwords or connection secrets. */
export const secretStatements: ReadonlySet<string> = new Set([
  'CreateRoleStmt', 'AlterRoleStmt', 'CreateUserMappingStmt', 'AlterUserMappingStmt', 'CreateForeignServerStmt', 'AlterForeignServerStmt',
  'CreateSubscriptionStmt', 'AlterSubscriptionStmt', 'AlterSystemStmt', 'CreateFdwStmt', 'AlterFdwStmt',
]);
