import { api, type Call, type Reply } from './call.ts';
import { codeOf } from './errors.ts';
import type { Group, JoinRequest } from './group.ts';

interface SyncRequest {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[];
}

interface LeaveRequest {
  readonly groupId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[];
}

/** '' where this broker coordinates the group. */
export function misplaced(groupId: string, { cluster, broker }: Call): string {
  if (groupId === '') return 'INVALID_GROUP_ID';
  return cluster.coordinator(groupId) === broker ? '' : 'NOT_COORDINATOR';
}

function joinReply(error: string, request: JoinRequest, group: Group, memberId: string): Reply {
  if (error !== '') return { errorCode: codeOf(error), memberId, protocolName: '', protocolType: null };
  const { generation, protocolType, protocolName, leader } = group;
  const members =
    memberId === leader
      ? [...group.members.values()].map(({ id, instanceId, protocols }) => ({
          memberId: id,
          groupInstanceId: instanceId,
          metadata: protocols.find(({ name }) => name === protocolName)?.metadata ?? Buffer.alloc(0),
        }))
      : [];
  // A static member that came back is given the group as it stands: it need not assign anew.
  const skipAssignment = group.state === 'Stable' && memberId === leader && request.groupInstanceId !== null;
  return { generationId: generation, protocolType, protocolName, leader, skipAssignment, memberId, members };
}

function join(request: JoinRequest, call: Call): Reply | Promise<Reply> {
  const { cluster, version, clientId, connection } = call;
  const { groupId, memberId, groupInstanceId, sessionTimeoutMs } = request;
  const wrong = misplaced(groupId, call) || (sessionTimeoutMs < 1 ? 'INVALID_SESSION_TIMEOUT' : '');
  if (wrong !== '') return { errorCode: codeOf(wrong), memberId, protocolName: '' };
  const group = cluster.group(groupId);
  const before = new Set(group.members.keys());
  const joining = group.join(request, { id: clientId, host: `/${connection.host}`, needsId: version >= 4 });
  if (joining === 'MEMBER_ID_REQUIRED') {
    const id = group.newId(clientId);
    group.pending.add(id);
    return joinReply(joining, request, group, id);
  }
  // The member under its id: the one that was asked with, the static one's, or the one that is new.
  const id =
    (memberId !== '' && memberId) ||
    [...group.members.values()].find(({ instanceId }) => instanceId !== null && instanceId === groupInstanceId)?.id ||
    [...group.members.keys()].find((known) => !before.has(known)) ||
    '';
  if (typeof joining === 'string') return joinReply(joining, request, group, id);
  return joining.then((error) => joinReply(error, request, group, id));
}

function sync(request: SyncRequest, call: Call): Reply | Promise<Reply> {
  const { groupId, memberId, groupInstanceId, generationId, assignments } = request;
  const group = call.cluster.groups.get(groupId);
  const wrong =
    misplaced(groupId, call) || (group?.check(memberId, groupInstanceId, generationId) ?? 'UNKNOWN_MEMBER_ID');
  if (wrong !== '') return { errorCode: codeOf(wrong), protocolName: null };
  const member = group!.members.get(memberId)!;
  group!.touch(member);
  const reply = (error: string): Reply =>
    error === ''
      ? { protocolType: group!.protocolType, protocolName: group!.protocolName, assignment: member.assignment }
      : { errorCode: codeOf(error) };
  const synced = group!.sync(member, assignments);
  return typeof synced === 'string' ? reply(synced) : synced.then(reply);
}

function leave(request: LeaveRequest, call: Call): Reply {
  const { groupId, memberId, members } = request;
  const wrong = misplaced(groupId, call);
  if (wrong !== '') return { errorCode: codeOf(wrong) };
  const group = call.cluster.groups.get(groupId);
  const gone = (id: string, instanceId: string | null) =>
    codeOf((group === undefined ? 'UNKNOWN_MEMBER_ID' : group.leave(id, instanceId)) || 'NONE');
  if (call.version < 3) return { errorCode: gone(memberId, null) };
  return {
    members: members.map(({ memberId: id, groupInstanceId }) => ({
      memberId: id,
      groupInstanceId,
      errorCode: gone(id, groupInstanceId),
    })),
  };
}

function described(groupId: string, call: Call) {
  const wrong = misplaced(groupId, call);
  const forced = call.forced();
  if (wrong !== '' || forced !== 0) return { groupId, errorCode: forced || codeOf(wrong) };
  const group = call.cluster.groups.get(groupId);
  if (group === undefined) return { groupId, groupState: 'Dead' };
  const stable = group.state === 'Stable';
  return {
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: stable ? group.protocolName : '',
    members: [...group.members.values()].map(({ id, instanceId, clientId, clientHost, assignment, protocols }) => ({
      memberId: id,
      groupInstanceId: instanceId,
      clientId,
      clientHost,
      memberMetadata: stable ? protocols.find(({ name }) => name === group.protocolName)?.metadata : undefined,
      memberAssignment: assignment,
    })),
  };
}

export const groupsApis = {
  JoinGroup: api<JoinRequest>([0, 9], join),
  SyncGroup: api<SyncRequest>([0, 5], sync),
  LeaveGroup: api<LeaveRequest>([0, 5], leave),

  Heartbeat: api<Omit<SyncRequest, 'assignments'>>([0, 4], (request, call) => {
    const { groupId, memberId, groupInstanceId, generationId } = request;
    const group = call.cluster.groups.get(groupId);
    const wrong =
      misplaced(groupId, call) || (group?.check(memberId, groupInstanceId, generationId) ?? 'UNKNOWN_MEMBER_ID');
    if (wrong !== '') return { errorCode: codeOf(wrong) };
    group!.touch(group!.members.get(memberId)!);
    return { errorCode: codeOf(group!.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE') };
  }),

  DescribeGroups: api<{ readonly groups: readonly string[] }>(
    [0, 5],
    ({ groups }, call) => ({ groups: groups.map((id) => described(id, call)) }),
    true,
  ),

  ListGroups: api<{ readonly statesFilter: readonly string[]; readonly typesFilter: readonly string[] }>(
    [0, 5],
    ({ statesFilter, typesFilter }, { cluster, broker }) => ({
      groups: [...cluster.groups.values()]
        .filter(
          ({ id, state }) =>
            cluster.coordinator(id) === broker && (statesFilter.length === 0 || statesFilter.includes(state)),
        )
        .filter(() => typesFilter.length === 0 || typesFilter.includes('classic'))
        .map(({ id, protocolType, state }) => ({ groupId: id, protocolType, groupState: state, groupType: 'classic' })),
    }),
  ),

  DeleteGroups: api<{ readonly groupsNames: readonly string[] }>(
    [0, 2],
    ({ groupsNames }, call) => ({
      results: groupsNames.map((groupId) => {
        const group = call.cluster.groups.get(groupId);
        const wrong =
          misplaced(groupId, call) ||
          (group === undefined ? 'GROUP_ID_NOT_FOUND' : group.state === 'Empty' ? '' : 'NON_EMPTY_GROUP');
        const errorCode = call.forced() || codeOf(wrong || 'NONE');
        if (errorCode === 0) call.cluster.groups.delete(groupId);
        return { groupId, errorCode };
      }),
    }),
    true,
  ),
};
