# SPDX-License-Identifier: MIT
"""host/wine's IP Helper as Windows' tunnel programs use it, beside an interface and routes that are the machine's own.

Driven by ipcalls.exe, which makes one call a command; adapters come from peer.exe.
"""
import contextlib
import os
import re
import socket
import struct
import subprocess

import pytest

import conftest
import lab

IPCALLS = os.path.join(lab.BUILD, 'tests/ipcalls.exe')
ALL, V4, V6 = 0, 2, 23  # AF_UNSPEC, AF_INET, AF_INET6
ALWAYS_OFF, ALWAYS_ON, UNCHANGED = 0, 2, -1  # NL_LINK_LOCAL_ADDRESS_BEHAVIOR
INCLUDE_PREFIX, INCLUDE_GATEWAYS = 0x10, 0x80
NOT_FOUND, ALREADY_EXISTS, INVALID_PARAMETER, FILE_NOT_FOUND, NOT_SUPPORTED = 1168, 5010, 87, 2, 50


class Calls:
    """ipcalls.exe: a command gives its lines; another result than the expected one fails."""

    def __init__(self, windows):
        self.program = windows.start(IPCALLS)
        self.program.expect('^ready$', 60)

    def __call__(self, *command, result=0):
        self.program.say(' '.join(map(str, command)))
        lines = []
        while True:
            line = self.program.line(30)
            if line.startswith('done '):
                assert line == 'done %d' % result, (command, line, lines)
                return lines
            if not line.startswith('news '):
                lines.append(line)

    def news(self):
        return [line[5:] for line in self.program.lines if line.startswith('news ')]

    def adapter(self, index, family=ALL, flags=0):
        """What GetAdaptersAddresses says of one interface: words, then name, description and the lines of its parts."""
        lines = self('adapters', family, flags)
        found = {}
        for line in lines:
            kind, rest = line.split(' ', 1)
            if kind == 'adapter':
                words = dict(word.split('=', 1) for word in rest.split())
                if int(words['index6']) == index or int(words['index']) == index:
                    found.update({key: int(value) if value.isdigit() else value for key, value in words.items()})
            elif int(rest.split(' ', 1)[0]) == index:
                found.setdefault(kind, []).append(rest.split(' ', 1)[1] if ' ' in rest else '')
        return found


@pytest.fixture
def machine(shared_machine):
    return shared_machine


@pytest.fixture
def calls(machine):
    calls = Calls(machine.windows)
    yield calls
    assert calls.program.quit() == 0


class Tunnel:
    """An adapter of peer.exe, with its session begun."""

    def __init__(self, machine, peer, slot, name, mtu=1500):
        self.peer, self.slot, self.name = peer, slot, name
        self.index = peer('create %d %d %s' % (slot, mtu, name))['index']
        peer('start %d 131072' % slot)
        self.device = machine.ready(self.index)

    def close(self):
        self.peer('close %d' % self.slot)

    def hears(self, destination, port):
        """Whether a datagram to there comes out of the tunnel; what else does is passed over."""
        wanted = socket.inet_pton(socket.AF_INET6 if ':' in destination else socket.AF_INET, destination).hex()
        while True:
            try:
                packet = self.peer('receive %d 300' % self.slot)['hex']
            except conftest.PeerError:
                return False
            if wanted in packet and packet.endswith('%04x' % port):
                return True


@pytest.fixture
def peer(machine):
    peer = machine.peer()
    yield peer
    if peer.program.process.poll() is None:
        peer.quit()
    lab.wait(lambda: not set(machine.namespace.links()) - {'wire', 'far'}, 'its interfaces are gone')


@pytest.fixture
def wire(machine, peer):
    """An interface of the machine with addresses and plain default routes, to where nothing answers."""
    ip = machine.namespace.ip
    ip('link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'far')
    for device in ('wire', 'far'):
        ip('link', 'set', device, 'addrgenmode', 'none')
    ip('addr', 'add', '198.51.100.2/24', 'dev', 'wire')
    ip('addr', 'add', '2001:db8:1::2/64', 'dev', 'wire', 'nodad')
    for device in ('wire', 'far'):
        ip('link', 'set', device, 'up')
    ip('neigh', 'add', '198.51.100.1', 'lladdr', '02:00:00:00:00:01', 'dev', 'wire')
    ip('neigh', 'add', '2001:db8:1::1', 'lladdr', '02:00:00:00:00:01', 'dev', 'wire')
    ip('route', 'add', 'default', 'via', '198.51.100.1', 'dev', 'wire')
    ip('-6', 'route', 'add', 'default', 'via', '2001:db8:1::1', 'dev', 'wire')
    before = machine_routes(machine)
    yield machine.namespace.link('wire')['ifindex']
    assert [line for line in machine_routes(machine) if 'proto 121' not in line] == before
    peer.quit()
    lab.wait(lambda: machine_routes(machine) == before, 'only its own routes and rules are left')
    ip('link', 'delete', 'wire')


def machine_routes(machine):
    """The machine's own routes and rules: what no program of Windows' may change, and all that is left at the end."""
    lines = []
    for family in ('-4', '-6'):
        routes = machine.namespace.ip(family, 'route', 'show', 'table', 'all').splitlines()
        lines += [line.strip() for line in routes if 'dev wire' in line and 'table local' not in line]
        lines += machine.namespace.ip(family, 'rule').splitlines()
    return [re.sub(r' (linkdown|pref \w+)', '', line) for line in lines]


def send(machine, destination, source=None, device=None, port=7000):
    """One datagram whose last bytes say the port."""
    family = socket.AF_INET6 if ':' in destination else socket.AF_INET
    with machine.namespace.entered(), socket.socket(family, socket.SOCK_DGRAM) as sock:
        if source:
            sock.bind((source, 0))
        if device:
            sock.setsockopt(socket.SOL_SOCKET, 25, device.encode())  # SO_BINDTODEVICE
        sock.sendto(port.to_bytes(2, 'big'), (destination, port))


def into(machine, tunnel, destination, **how):
    send(machine, destination, port=7001, **how)
    return tunnel.hears(destination, 7001)


# --- the list of adapters ---------------------------------------------------------------------------------------------

def test_gone(machine, peer, calls):
    """An interface that is gone is in no list."""
    for i in range(3):
        tunnel = Tunnel(machine, peer, 0, 'Gone')
        assert calls.adapter(tunnel.index)['friendly'] == ['Gone']
        old = calls('old')
        for kind in ('info', 'map', 'table'):
            assert any(line.startswith('%s %d ' % (kind, tunnel.index)) for line in old), old
        assert 'number 2' in old
        tunnel.close()
        lab.wait(lambda: not machine.namespace.links(), 'no interface')
        assert not calls.adapter(tunnel.index)
        old = calls('old', result=232)  # ERROR_NO_DATA
        assert not [line for line in old if re.match(r'(info|map|table) %d ' % tunnel.index, line)], old
        assert 'number 1' in old
        calls('find', 'Gone', result=INVALID_PARAMETER)


def test_list_with_full_tunnel(machine, peer, calls, wire):
    """A route to everything on the link, as a full tunnel has, is one prefix more."""
    tunnel = Tunnel(machine, peer, 0, 'Full')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('route', 'add', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 0)
    calls('route', 'add', tunnel.index, '::', 0, '::', 0)
    for family in (ALL, V4, V6):
        prefixes = calls.adapter(tunnel.index, family, INCLUDE_PREFIX)['prefix']
        assert ('0.0.0.0/0' in prefixes) == (family != V6) and ('::/0' in prefixes) == (family != V4), prefixes
    assert calls.adapter(wire, ALL, INCLUDE_GATEWAYS)['gateway'] == ['198.51.100.1', '2001:db8:1::1']
    assert '10.7.0.2/24' in calls.adapter(tunnel.index)['unicast']


@pytest.mark.parametrize('servers', ['', 'nameserver 192.0.2.53\n', 'nameserver 2001:db8::53\n'])
def test_list_without_name_servers(machine, calls, wire, servers, tmp_path):
    """Where the machine has no name server of a family there is none, and the list is there."""
    file = tmp_path / 'resolv.conf'
    file.write_text(servers)
    with mounted(machine, file, '/etc/resolv.conf'):
        listed = {family: calls.adapter(wire, family).get('server', []) for family in (ALL, V4, V6)}
    server = servers.split()[-1:]
    assert listed == {ALL: server, V4: server if '.' in servers else [], V6: server if ':' in servers else []}


def mounted(machine, file, place):
    """A file over another, for the programs of that Windows."""
    pid = max(pid for pid in lab.processes('--inside')  # behind its unshare
              if machine.windows.name in open('/proc/%d/cmdline' % pid).read())

    @contextlib.contextmanager
    def over():
        subprocess.run(['nsenter', '-t', str(pid), '-m', 'mount', '--bind', str(file), place], check=True)
        try:
            yield
        finally:
            subprocess.run(['nsenter', '-t', str(pid), '-m', '-p', 'umount', place], check=True)
    return over()


def test_names_and_numbers(machine, peer, calls, wire):
    """FriendlyName, Description, indexes, metrics, speed; the adapter's name whole, in any script."""
    names = ['Büro 東京 – офис', 'x' * 127, '東' * 84]  # more than Linux' alias has room for
    for name in names:
        index = peer('create 0 1500 ' + name)['index']
        adapter = calls.adapter(index)
        assert adapter['friendly'] == [name]
        assert adapter['description'] == ['plaintun Tunnel'], adapter
        assert 'alias ' + name in calls('row', index) and 'description plaintun Tunnel' in calls('row', index)
        assert 'luid %d' % index in calls('find', name)
        assert (adapter['index'], adapter['index6'], adapter['type']) == (index, index, 53)
        assert (adapter['metric4'], adapter['metric6'], adapter['speed']) == (5, 5, 10**11)
        assert 'mtu=1500 speed=%d' % 10**11 in calls('row', index)[0]
    ethernet = calls.adapter(wire)
    assert ethernet['friendly'] == ['wire'] and ethernet['type'] == 6
    assert ethernet['speed'] == 10**10 and ethernet['metric4'] == ethernet['metric6'] == 15  # a veth says so


def test_site_prefix(machine, peer, calls):
    """An IPv4 row cannot be written back as it was read: SitePrefixLength must be 0."""
    tunnel = Tunnel(machine, peer, 0, 'Site')
    assert ' site=64 ' in calls('interface', V4, tunnel.index)[0]
    calls('again', V4, tunnel.index, result=INVALID_PARAMETER)
    calls('again', V6, tunnel.index)


def test_groups(machine, peer, calls, wire):
    """Multicast groups as Linux has them, of each interface; no interface has an anycast address."""
    tunnel = Tunnel(machine, peer, 0, 'Groups')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)

    def groups(family):
        return [line.split() for line in calls('groups', family)]
    before = groups(ALL)
    own4, own6 = '239.255.7.%d' % tunnel.index, 'ff15::7:%x' % tunnel.index
    member4 = socket.inet_aton(own4) + bytes(4) + struct.pack('i', tunnel.index)  # struct ip_mreqn
    member6 = socket.inet_pton(socket.AF_INET6, own6) + struct.pack('i', tunnel.index)
    with machine.namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as socket4, \
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as socket6:
        socket4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member4)
        socket6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member6)
        new4 = ['group', str(tunnel.index), own4, 'scope', '0']
        new6 = ['group', str(tunnel.index), own6, 'scope', str(tunnel.index)]
        assert sorted(groups(ALL)) == sorted(before + [new4, new6])
        assert groups(V4) + groups(V6) == groups(ALL)
        assert new4 in groups(V4) and new6 in groups(V6)
        for own, family in ((own4, V4), (own6, V6)):
            assert own in calls.adapter(tunnel.index, family)['multicast']
            assert calls('group', tunnel.index, own) == ['group %d %s' % (tunnel.index, own)]
            calls('group', wire, own, result=NOT_FOUND)
            calls('group', 0xfffff, own, result=FILE_NOT_FOUND)
            calls('group', 0, own, result=INVALID_PARAMETER)
    assert sorted(groups(ALL)) == sorted(before)
    assert ['group', str(wire), '224.0.0.1', 'scope', '0'] in before  # all hosts, which everybody is in
    assert ['group', str(wire), 'ff02::1', 'scope', str(wire)] in before
    calls('groups', 99, result=INVALID_PARAMETER)
    for what, there, nowhere in (('add', NOT_SUPPORTED, NOT_FOUND), ('delete', NOT_FOUND, NOT_FOUND),
                                 ('get', NOT_FOUND, FILE_NOT_FOUND), ('table', NOT_FOUND, NOT_FOUND)):
        calls('anycast', what, tunnel.index, 'fd07::9', result=there)
        calls('anycast', what, 0xfffff, 'fd07::9', result=nowhere)
    calls('anycast', 'add', tunnel.index, '::', result=INVALID_PARAMETER)


def test_link_local(machine, peer, calls):
    """An interface has the link-local address that its row speaks of, and says nothing for it that nobody asked for."""
    tunnel = Tunnel(machine, peer, 0, 'Local')

    def behaviour():
        row, = calls('interface', V6, tunnel.index)
        return int(re.search(r' linklocal=(-?\d+) ', row).group(1))

    def own():
        return [address for address in calls.adapter(tunnel.index, V6).get('unicast', []) if address.startswith('fe80::')]
    assert behaviour() == ALWAYS_ON
    calls('address', 'add', tunnel.index, 'fd07::2', 64)
    first, = own()
    assert first.endswith('/64')
    with pytest.raises(conftest.PeerError):
        peer('receive 0 1500')
    for size in (1280, 1500):  # and back
        calls('set', V6, tunnel.index, 'mtu', size)
        assert own() == [first]
    for _ in range(2):
        calls('set', V6, tunnel.index, 'linklocal', ALWAYS_OFF)
        assert behaviour() == ALWAYS_OFF and not own()
        calls('set', V6, tunnel.index, 'linklocal', UNCHANGED)
        assert behaviour() == ALWAYS_OFF and not own()
        calls('set', V6, tunnel.index, 'linklocal', ALWAYS_ON)
        assert behaviour() == ALWAYS_ON and len(own()) == 1
    with pytest.raises(conftest.PeerError):
        peer('receive 0 1500')


# --- MTU --------------------------------------------------------------------------------------------------------------

def mtus(calls, tunnel):
    return [int(re.search(r' mtu=(\d+)', calls('interface', family, tunnel.index)[0]).group(1)) for family in (V4, V6)]


def test_mtu_of_a_family(machine, peer, calls):
    """Each family has its own, whatever the other's is, and no address is lost."""
    tunnel = Tunnel(machine, peer, 0, 'Mtu')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('address', 'add', tunnel.index, 'fd07::2', 64)
    calls('route', 'add', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 0)
    before = machine.namespace.ip('-6', 'addr', 'show', 'dev', tunnel.device).splitlines()[1:]
    assert mtus(calls, tunnel) == [1500, 1500]
    for family, mtu, wanted in ((V4, 1200, [1200, 1500]), (V4, 1500, [1500, 1500]), (V4, 1300, [1300, 1500]),
                                (V6, 1420, [1300, 1420]), (V4, 576, [576, 1420]), (V6, 1280, [576, 1280]),
                                (V4, 1420, [1420, 1280]), (V6, 1420, [1420, 1420])):
        calls('set', family, tunnel.index, 'mtu', mtu)
        assert mtus(calls, tunnel) == wanted
        assert machine.namespace.ip('-6', 'addr', 'show', 'dev', tunnel.device).splitlines()[1:] == before
        for destination, mtu in (('192.0.2.1', wanted[0]), ('10.7.0.9', wanted[0]), ('fd07::9', wanted[1])):
            machine.namespace.run('ping', '-c1', '-W0.1', '-Mwant', '-s3000', destination, check=False)
            sizes = []
            while len(sizes) < 2:
                packet = peer('receive 0 2000')['hex']
                if socket.inet_pton(socket.AF_INET6 if ':' in destination else socket.AF_INET, destination).hex() in packet:
                    sizes.append(len(packet) // 2)
            assert mtu - 8 < max(sizes) <= mtu, (destination, mtu, sizes)
    calls('set', V6, tunnel.index, 'mtu', 1279, result=INVALID_PARAMETER)
    calls('set', V4, tunnel.index, 'mtu', 575, result=INVALID_PARAMETER)
    assert mtus(calls, tunnel) == [1420, 1420]


# --- which route a packet takes ---------------------------------------------------------------------------------------

@pytest.mark.parametrize('metric', [0, 1, -1])
def test_full_tunnel(machine, peer, calls, wire, metric):
    """Beside a plain default route the smaller sum has it, whatever came first, and not one's own wire's subnet."""
    tunnel = Tunnel(machine, peer, 0, 'Full')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('address', 'add', tunnel.index, 'fd07::2', 64)
    for family in (V4, V6):
        calls('set', family, tunnel.index, 'metric', metric)
    calls('route', 'add', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 0)
    calls('route', 'add', tunnel.index, '::', 0, '::', 0)
    for far, near in (('192.0.2.9', '198.51.100.9'), ('2001:db8:9::9', '2001:db8:1::9')):
        assert into(machine, tunnel, far)
        assert not into(machine, tunnel, near)
        assert not into(machine, tunnel, far, device='wire')
        assert 'best index=%d ' % tunnel.index in calls('best', far)[0]
        assert 'best index=%d ' % wire in calls('best', near)[0]
    calls('route', 'set', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 200)
    assert not into(machine, tunnel, '192.0.2.9')
    assert 'best index=%d ' % wire in calls('best', '192.0.2.9')[0]
    calls('route', 'set', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 3)
    assert into(machine, tunnel, '192.0.2.9')
    assert calls('route', 'get', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 0) == ['metric 3']
    assert len([line for line in calls('routes', V4) if line.startswith('route 0.0.0.0/0 ')]) == 2
    calls('route', 'delete', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 0)
    assert not into(machine, tunnel, '192.0.2.9')
    assert into(machine, tunnel, '2001:db8:9::9')


def test_metric_after_routes(machine, peer, calls, wire):
    """Routes follow the metric of their interface, and are read back as written."""
    tunnel = Tunnel(machine, peer, 0, 'After')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('address', 'add', tunnel.index, 'fd07::2', 64)
    places = ((V4, '0.0.0.0', 0, '0.0.0.0'), (V6, '::', 0, '::'), (V4, '192.0.2.0', 24, '0.0.0.0'))
    for _, *place in places:
        calls('route', 'add', tunnel.index, *place, 7)
    for metric, inside in ((200, False), (0, True), (5, True), (300, False), (-1, True)):
        for family, far in ((V4, '203.0.113.9'), (V6, '2001:db8:9::9')):
            calls('set', family, tunnel.index, 'metric', metric)
            if family == V4:
                assert into(machine, tunnel, far) == inside, metric
        for _, *place in places:
            assert calls('route', 'get', tunnel.index, *place, 0) == ['metric 7']
    calls('set', V4, wire, 'metric', 1)
    assert not into(machine, tunnel, '203.0.113.9')
    calls('set', V4, wire, 'metric', -1)
    assert into(machine, tunnel, '203.0.113.9')
    tunnel.close()


def test_routes_end_with_the_adapter(machine, peer, calls, wire):
    """Killed, not closed: nothing of it is left among the machine's routes (the fixture looks), and packets go as before."""
    other = machine.peer()
    tunnel = Tunnel(machine, other, 0, 'Killed')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('route', 'add', tunnel.index, '0.0.0.0', 0, '0.0.0.0', 0)
    assert into(machine, tunnel, '192.0.2.9')
    os.kill(other.process(), 9)
    lab.wait(lambda: not machine.namespace.link(tunnel.device), 'the interface is gone')
    assert 'dev wire' in machine.namespace.ip('route', 'get', '192.0.2.9')
    other.program.wait(10)


# --- the source decides ------------------------------------------------------------------------------------------------

def leaves(machine, destination, source):
    """The interface that Linux sends it through; nothing where it is unreachable."""
    try:
        return re.search(r' dev (\S+)', machine.namespace.ip('route', 'get', destination, 'from', source)).group(1)
    except RuntimeError:
        return None


def is_from(packet, source, destination, port):
    """Whether a packet, in hexadecimal, begins a flow from there to there."""
    family = socket.AF_INET6 if ':' in source else socket.AF_INET
    ends = ''.join(socket.inet_pton(family, address).hex() for address in (source, destination))
    return re.search(ends + '....%04x' % port, packet)


def test_bound_to_an_address(machine, peer, calls, wire):
    """Into a full tunnel goes nothing that is bound to another interface's address, and nothing past it that is bound to its
    own, whatever routes there are."""
    with machine.namespace.entered():
        far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    far.bind(('far', 0))
    far.settimeout(10)
    tunnel = Tunnel(machine, peer, 0, 'Full')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('address', 'add', tunnel.index, 'fd07::2', 64)
    for hop in ('0.0.0.0', '::'):
        calls('route', 'add', tunnel.index, hop, 0, hop, 0)
    ends = (('192.0.2.9', '198.51.100.2', '10.7.0.2'), ('2001:db8:9::9', '2001:db8:1::2', 'fd07::2'))
    for there, outside, inside in ends:
        lab.wait(lambda: (leaves(machine, there, outside), leaves(machine, there, inside)) == ('wire', tunnel.device),
                 'each address has its way', 10)
        for port, protocol in enumerate(('udp', 'tcp'), 7100):
            calls('send', protocol, outside, there, port)
            while not is_from(far.recv(2000).hex(), outside, there, port):
                pass
            calls('send', protocol, inside, there, port)
            packet = peer('receive 0 10000')['hex']
            assert is_from(packet, inside, there, port), packet
        assert into(machine, tunnel, there)  # bound to nothing
    for hop in ('0.0.0.0', '::'):
        calls('route', 'delete', tunnel.index, hop, 0, hop, 0)
    for there, outside, inside in ends:
        lab.wait(lambda: not leaves(machine, there, inside), 'the tunnel leads to nowhere', 10)
        with pytest.raises(OSError, match='unreachable'):
            send(machine, there, inside)
        assert leaves(machine, there, outside) == 'wire'
    far.close()


def echo_request(source, destination):
    """Answers are the same with the addresses exchanged and another type."""
    family = socket.AF_INET6 if ':' in source else socket.AF_INET
    ends = [socket.inet_pton(family, address) for address in (source, destination)]
    body = struct.pack('!BBHHH', 128 if ':' in source else 8, 0, 0, 7, 7) + b'echo'

    def checksum(data):
        total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return struct.pack('!H', ~total & 0xffff)
    if family == socket.AF_INET6:
        sum_ = checksum(b''.join(ends) + struct.pack('!II', len(body), 58) + body)
        return struct.pack('!IHBB', 6 << 28, len(body), 58, 64) + b''.join(ends) + body[:2] + sum_ + body[4:]
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0) + b''.join(ends)
    return head[:10] + checksum(head) + head[12:] + body[:2] + checksum(body) + body[4:]


def test_two_in_one_subnet(machine, peer, calls):
    """Each of two adapters in one subnet answers for itself."""
    tunnels = [Tunnel(machine, peer, slot, 'Subnet%d' % slot) for slot in range(2)]
    for number, tunnel in enumerate(tunnels, 1):
        calls('address', 'add', tunnel.index, '10.9.0.%d' % number, 24)
        calls('address', 'add', tunnel.index, 'fd09::%d' % number, 64)
    for family in ('10.9.0.', 'fd09::'):
        lab.wait(lambda: all(leaves(machine, family + '9', family + '%d' % number) == tunnel.device
                             for number, tunnel in enumerate(tunnels, 1)), 'each address has its way', 10)
        for number, tunnel in enumerate(tunnels, 1):
            own = family + '%d' % number
            peer('send %d %s' % (tunnel.slot, echo_request(family + '9', own).hex()))
            ends = [socket.inet_pton(socket.AF_INET6 if ':' in own else socket.AF_INET, end).hex() for end in (own, family + '9')]
            packet = peer('receive %d 10000' % tunnel.slot)['hex']
            assert ''.join(ends) in packet and packet.endswith(b'echo'.hex()), packet


def test_no_rule_is_left():
    """A Windows that is killed with all its processes leaves no rule and no route."""
    machine = conftest.Machine()
    ip = machine.namespace.ip

    def rules():
        return [ip(family, *what).splitlines() for family in ('-4', '-6')
                for what in (['rule'], ['route', 'show', 'table', 'all'])]
    ip('link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'far')
    for device in ('wire', 'far'):
        ip('link', 'set', device, 'addrgenmode', 'none', 'up')
    ip('addr', 'add', '198.51.100.2/24', 'dev', 'wire')
    before = rules()
    peer = machine.peer()
    device = machine.ready(peer('create 0 1500 Killed')['index'])
    ip('addr', 'add', '10.7.0.2/24', 'dev', device)
    lab.wait(lambda: all('from %s lookup' % own in str(rules()) for own in ('10.7.0.2', '198.51.100.2')), 'the rules', 10)
    first = [pid for pid in lab.processes('--inside') if machine.windows.name in open('/proc/%d/cmdline' % pid).read()]
    watcher, = [pid for pid in lab.processes('%d' % min(first)) if 'stronghost' in open('/proc/%d/cmdline' % pid).read()]
    for pid in [peer.program.process.pid] + sorted(first) + list(lab.wine_processes(machine.windows)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    lab.wait(lambda: not os.path.exists('/proc/%d' % watcher), 'who watches it has ended', 20)
    assert rules() == before
    ip('link', 'delete', 'wire')
    machine.remove()


# --- news -------------------------------------------------------------------------------------------------------------

def test_news(machine, peer, calls):
    """What comes and goes is told once: an interface's addresses and routes before it, also where Linux says nothing."""
    calls('watch')
    tunnel = Tunnel(machine, peer, 0, 'News')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('address', 'add', tunnel.index, 'fd07::2', 64)
    for route in (('0.0.0.0', 0, '0.0.0.0', 0), ('::', 0, '::', 0), ('192.0.2.0', 24, '10.7.0.1', 7)):
        calls('route', 'add', tunnel.index, *route)
    parts = ['address KIND %d %s' % (tunnel.index, address) for address in ('10.7.0.2', 'fd07::2')] + [
        'route KIND %d %s' % (tunnel.index, route) for route in ('0.0.0.0/0', '::/0', '192.0.2.0/24')]

    def told(kind, count=1):
        news = calls.news()
        return all(news.count(part.replace('KIND', kind)) == count for part in parts)
    lab.wait(lambda: told('add'), lambda: 'arrivals: %s' % calls.news())
    lab.wait(lambda: 'any-address' in calls.news() and 'any-route' in calls.news(), lambda: calls.news())
    calls('route', 'set', tunnel.index, '192.0.2.0', 24, '10.7.0.1', 9)
    changed = 'route parameter %d 192.0.2.0/24' % tunnel.index
    lab.wait(lambda: changed in calls.news(), lambda: 'a metric: %s' % calls.news())
    before = calls.news()
    tunnel.close()
    gone = {'interface delete %d %d' % (tunnel.index, family) for family in (V4, V6)}
    lab.wait(lambda: gone <= set(calls.news()), lambda: 'the interface: %s' % calls.news())
    news = calls.news()
    first = min(news.index(line) for line in gone)
    assert told('add') and told('delete'), news
    assert all(news.index(part.replace('KIND', 'delete')) < first for part in parts), news
    lab.wait(lambda: {'any-address', 'any-route'} <= set(calls.news()[len(before):]), lambda: calls.news())
    kinds = [line.split()[1] for line in news if line.split()[0] in ('address', 'route') and ' %d ' % tunnel.index in line]
    assert kinds.count('add') == kinds.count('delete'), news
    calls('unwatch', result=INVALID_PARAMETER)  # the request is cancelled once, and not there then
    lab.wait(lambda: 'any-route ended 995' in calls.news(), 'ERROR_OPERATION_ABORTED')


def test_news_of_one_route(machine, peer, calls):
    """A deletion by itself, an interface that is switched off in Linux, a route of another table."""
    tunnel = Tunnel(machine, peer, 0, 'One')
    calls('address', 'add', tunnel.index, '10.7.0.2', 24)
    calls('route', 'add', tunnel.index, '192.0.2.0', 24, '0.0.0.0', 0)
    calls('route', 'add', tunnel.index, '203.0.113.0', 24, '0.0.0.0', 0)
    calls('watch')
    machine.namespace.ip('route', 'add', '198.51.100.0/24', 'dev', tunnel.device, 'table', '77')
    calls('route', 'delete', tunnel.index, '203.0.113.0', 24, '0.0.0.0', 0)
    machine.namespace.ip('link', 'set', tunnel.device, 'down')
    wanted = ['route delete %d %s' % (tunnel.index, route) for route in ('203.0.113.0/24', '192.0.2.0/24')]
    lab.wait(lambda: set(wanted) <= set(calls.news()), lambda: calls.news())
    calls('address', 'delete', tunnel.index, '10.7.0.2', 24)
    lab.wait(lambda: 'address delete %d 10.7.0.2' % tunnel.index in calls.news(), lambda: calls.news())
    tunnel.close()
    lab.wait(lambda: 'interface delete %d %d' % (tunnel.index, V4) in calls.news(), lambda: calls.news())
    assert all(calls.news().count(line) == 1 for line in wanted), calls.news()
    assert not [line for line in calls.news() if '198.51.100.0' in line], calls.news()
