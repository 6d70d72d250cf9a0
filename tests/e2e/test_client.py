# SPDX-License-Identifier: MIT
"""What tunnel programs for Windows ask of the system before and beside their adapter: tests/e2e/client.c, part by part.

docs/host.md says what they find. Nothing here knows of plaintun.
"""
import os
import re

import pytest

import lab

CLIENT = os.path.join(lab.BUILD, 'tests/client.exe')


def ask(windows, *arguments, seconds=120):
    """Runs a part of client.exe: its output, in which nothing failed."""
    text = windows.run(CLIENT, *arguments, seconds=seconds, check=False)
    failed = [line for line in text.splitlines() if line.startswith('FAIL')]
    assert not failed, '\n'.join(failed)
    assert re.search(r'^[1-9]\d* checks, 0 failed$', text, re.MULTILINE), text
    return text


def test_runtime(shared_machine):
    """What the runtimes of today's Go and Rust load by name is there, and ProcessPrng gives random bytes."""
    ask(shared_machine.windows, 'runtime')


def test_version(shared_machine):
    """One Windows for all who ask, in ntdll, the registry and the shared page: the one whose NDIS the host has."""
    build = int(re.search(r'^build (\d+)$', ask(shared_machine.windows, 'version'), re.MULTILINE).group(1))
    # "Overview of NDIS Versions": 6.82 came with Windows 10, version 1809
    assert build == 17763
    with open(os.path.join(lab.ROOT, 'host/ndis/driver.c')) as text:
        assert '"HOST_NDIS_VERSION", 0x60052)' in text.read()
    assert '10.0.17763' in shared_machine.windows.run('C:\\windows\\system32\\cmd.exe', '/c', 'ver')


def test_sockets(shared_machine):
    """SIO_UDP_NETRESET, TCP's keep-alive options, IP_UNICAST_IF and IPV6_UNICAST_IF: taken, read back, refused."""
    ask(shared_machine.windows, 'sockets', 1)


def test_system(shared_machine):
    """winlogon.exe, in session 1, has a token of LocalSystem, which a program can take and act as."""
    ask(shared_machine.windows, 'system')


def test_service(shared_machine, tmp_path):
    """A program finds itself to be a service, of LocalSystem in session 0, starts and stops at once."""
    file = tmp_path / 'service'
    ask(shared_machine.windows, 'services', 'Z:' + str(file).replace('/', '\\'))
    assert file.read_text().splitlines() == ['service 1', 'session 0 system 1', 'stopped']


def test_missing(shared_machine):
    """A function that is called and missing is named in one line, once, with program and DLL, however often it is called."""
    text = ask(shared_machine.windows, 'missing')
    lines = [line for line in text.splitlines() if line.startswith('client.exe: ')]  # Wine has words of its own
    said = 'client.exe: the function iphlpapi.dll!%s is missing in this Windows (docs/host.md)'
    assert lines == [said % 'AskTheOracle', said % 'AskTheOracleAgain'], lines


@pytest.fixture
def two_ways(machine):
    """Two other namespaces behind eth0 and eth1, both with the same addresses; a route leads to the second one."""
    sides = {}
    for number, name in enumerate(('eth0', 'eth1')):
        side = lab.Namespace('behind-' + name)
        machine.namespace.ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'there', 'netns', side.name)
        machine.namespace.ip('link', 'set', name, 'up')
        side.ip('link', 'set', 'there', 'up')
        for device, namespace, host in ((name, machine.namespace, 1), ('there', side, 2)):
            namespace.ip('addr', 'add', '10.40.%d.%d/24' % (number, host), 'dev', device)
            namespace.ip('addr', 'add', 'fd00:40:%d::%d/64' % (number, host), 'dev', device, 'nodad')
        for address in ('10.41.0.1/32', 'fd00:41::1/128'):
            side.ip('addr', 'add', address, 'dev', 'lo', *(['nodad'] if ':' in address else []))
        side.ip('route', 'add', 'default', 'via', '10.40.%d.1' % number)
        side.ip('-6', 'route', 'add', 'default', 'via', 'fd00:40:%d::1' % number)
        for family, to, gate in (('-4', '10.41.0.1', '10.40.%d.2'), ('-6', 'fd00:41::1', 'fd00:40:%d::2')):
            machine.namespace.ip(family, 'route', 'add', to, 'via', gate % number, 'dev', name, 'metric', 200 - number)
        side.answer = side.start('/usr/bin/python3', '-u', '-c', ANSWER.replace('NAME', name))
        side.answer.expect('ready')
        sides[name] = side
    yield machine
    for name, side in sides.items():
        side.answer.stop()
        machine.namespace.ip('link', 'delete', name)
        side.remove()


ANSWER = '''
import selectors, socket
ready = selectors.DefaultSelector()
for host, family in (('10.41.0.1', socket.AF_INET), ('fd00:41::1', socket.AF_INET6)):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        server = socket.socket(family, kind)
        server.bind((host, 7000))
        if kind == socket.SOCK_STREAM:
            server.listen()
        ready.register(server, selectors.EVENT_READ)
print('ready')
while True:
    for key, _ in ready.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            connection, _ = key.fileobj.accept()
            connection.recv(1)
            connection.sendall(b'NAME')
            connection.close()
        else:
            _, peer = key.fileobj.recvfrom(1)
            key.fileobj.sendto(b'NAME', peer)
'''


def test_socket_outside(two_ways):
    """IP_UNICAST_IF and IPV6_UNICAST_IF, over TCP and UDP: out through the interface named, whatever the routes say."""
    links = two_ways.namespace.links()
    for host in ('10.41.0.1', 'fd00:41::1'):
        for index, way in ((0, 'eth1'), (links['eth0']['ifindex'], 'eth0'), (links['eth1']['ifindex'], 'eth1')):
            text = ask(two_ways.windows, 'ask', host, 7000, index)
            assert re.findall(r'^(?:tcp|udp) (\S*)$', text, re.MULTILINE) == [way, way], (host, index, text)


SYSTEM = 'C:\\windows\\system32\\'


@pytest.fixture
def adapter(machine):
    """An interface as a tunnel program has it: its name and index."""
    machine.namespace.ip('tuntap', 'add', 'tunnel', 'mode', 'tun')
    machine.namespace.ip('link', 'set', 'tunnel', 'up')
    yield machine, machine.namespace.link('tunnel')['ifindex']
    machine.namespace.ip('link', 'delete', 'tunnel')


def resolv_conf(machine):
    """The resolv.conf of this Windows: its name servers and search lists."""
    first = next(pid for pid, name in lab.wine_processes(machine.windows).items() if name.startswith('winlogon'))
    with open('/proc/%d/root/etc/resolv.conf' % first) as text:
        return [tuple(line.split()) for line in text if line.startswith(('nameserver', 'search'))]


def test_name_servers(adapter):
    """SetInterfaceDnsSettings: kept, read back, applied for this Windows alone."""
    machine, index = adapter
    with open('/etc/resolv.conf') as text:
        before = text.read()
    own = [tuple(line.split()) for line in before.splitlines() if line.startswith(('nameserver', 'search'))]
    ask(machine.windows, 'dns', index)
    wanted = [('nameserver', '192.0.2.53'), ('nameserver', '192.0.2.54'), ('search', 'tunnel.example'),
              ('nameserver', '2001:db8::53'), ('search', 'six.example')]
    lab.wait(lambda: resolv_conf(machine) == wanted + own, lambda: 'applied: %s' % resolv_conf(machine))
    machine.namespace.ip('link', 'set', 'tunnel', 'name', 'other')  # nothing but news
    machine.namespace.ip('link', 'set', 'other', 'name', 'tunnel')
    with open('/etc/resolv.conf') as text:
        assert text.read() == before, 'the machine\'s own is not touched'


def test_name_servers_among_many(adapter):
    """Who applies name servers asks of the interfaces that have some: what the others' changes cost does not grow with them."""
    machine, index = adapter
    ask(machine.windows, 'dns', index)
    lab.wait(lambda: ('nameserver', '192.0.2.53') in resolv_conf(machine), 'the first name servers')
    first = next(pid for pid, name in lab.wine_processes(machine.windows).items() if name.startswith('winlogon'))
    before = lab.calls(first)
    machine.namespace.run('sh', '-c', 'for i in $(seq 60); do ip tuntap add many$i mode tun; done')
    code, text = command(machine, 'netsh.exe', 'interface', 'ipv4', 'set', 'dnsservers', str(index), 'static', '192.0.2.77')
    assert code == 0, text
    lab.wait(lambda: ('nameserver', '192.0.2.77') in resolv_conf(machine), 'the last name server')
    done = lab.calls(first) - before
    print('%d reads and writes' % done)
    machine.namespace.run('sh', '-c', 'for i in $(seq 60); do ip link delete many$i; done')
    assert done < 10000  # one look at each pair of interfaces would be more


def test_network_category(adapter):
    """INetwork::SetCategory: kept, for each network and for all programs; public at first."""
    machine, index = adapter
    machine.namespace.ip('addr', 'add', '10.46.0.1/24', 'dev', 'tunnel')
    found = [re.search(r'^category (.*)$', ask(machine.windows, 'category', index), re.MULTILINE).group(1) for _ in range(3)]
    assert found == ['0', '1', '0'], found  # each program sets the other one


def command(machine, *arguments):
    """A command's exit code and its words."""
    program = machine.windows.start(SYSTEM + arguments[0], *arguments[1:])
    return program.wait(60), program.text()


def test_route(adapter):
    machine, index = adapter
    ip = machine.namespace.ip
    ip('addr', 'add', '10.46.0.1/24', 'dev', 'tunnel')
    code, text = command(machine, 'route.exe', 'add', '10.47.0.0', 'mask', '255.255.0.0', '10.46.0.2', 'metric', '7')
    assert code == 0, text
    assert '10.47.0.0/16 via 10.46.0.2' in ip('route', 'show', 'table', 'all')
    code, text = command(machine, 'route.exe', 'print')
    assert code == 0 and '10.47.0.0/16' in text and '10.46.0.2' in text, text
    code, text = command(machine, 'route.exe', 'delete', '10.47.0.0', 'mask', '255.255.0.0')
    assert code == 0 and '10.47.0.0/16' not in ip('route', 'show', 'table', 'all'), text
    assert command(machine, 'route.exe', 'delete', '10.47.0.0', 'mask', '255.255.0.0')[0] == 1
    assert command(machine, 'route.exe', 'add', '10.47.0.0', 'mask', '255.0.255.0', '10.46.0.2')[0] == 1
    code, text = command(machine, 'route.exe', '-6', 'add', 'fd00:47::/32', '::', 'if', str(index))
    assert code == 0 and 'fd00:47::/32' in ip('-6', 'route', 'show', 'table', 'all'), text


def test_netsh(adapter):
    """The commands that programs call for their adapter work on Linux' stack; others fail."""
    machine, index = adapter
    ip = machine.namespace.ip

    def netsh(*arguments, code=0):
        done, text = command(machine, 'netsh.exe', 'interface', *arguments)
        assert done == code, (arguments, done, text)
    netsh('ipv4', 'set', 'address', 'name=%d' % index, 'source=static', 'addr=10.44.0.2', 'mask=255.255.255.0')
    assert '10.44.0.2/24' in ip('addr', 'show', 'dev', 'tunnel')
    netsh('ip', 'set', 'address', str(index), 'static', '10.44.1.2', '255.255.0.0')
    assert '10.44.1.2/16' in ip('addr', 'show', 'dev', 'tunnel') and '10.44.0.2' not in ip('addr', 'show', 'dev', 'tunnel')
    netsh('ipv6', 'add', 'address', 'interface=%d' % index, 'address=fd00:44::2/64')
    assert 'fd00:44::2/64' in ip('addr', 'show', 'dev', 'tunnel')
    netsh('ipv4', 'add', 'route', 'prefix=10.45.0.0/16', 'interface=%d' % index, 'metric=3')
    assert '10.45.0.0/16' in ip('route', 'show', 'table', 'all')
    netsh('ipv4', 'delete', 'route', '10.45.0.0/16', str(index))
    assert '10.45.0.0/16' not in ip('route', 'show', 'table', 'all')
    netsh('ipv4', 'set', 'subinterface', str(index), 'mtu=1400', 'store=active')
    netsh('ipv6', 'set', 'subinterface', str(index), 'mtu=1400', 'store=active')
    assert machine.namespace.link('tunnel')['mtu'] == 1400
    netsh('ipv4', 'set', 'dnsservers', 'name=%d' % index, 'source=static', 'address=192.0.2.1', 'validate=no')
    netsh('ipv4', 'add', 'dnsservers', str(index), '192.0.2.2', 'index=2')
    servers = [('nameserver', '192.0.2.1'), ('nameserver', '192.0.2.2')]
    lab.wait(lambda: resolv_conf(machine)[:2] == servers, lambda: resolv_conf(machine))
    netsh('ipv4', 'delete', 'dnsservers', str(index), 'all')
    lab.wait(lambda: servers[0] not in resolv_conf(machine), 'no more of its name servers')
    netsh('ipv6', 'delete', 'address', str(index), 'fd00:44::2')
    assert 'fd00:44::2' not in ip('addr', 'show', 'dev', 'tunnel')
    netsh('ipv4', 'set', 'address', 'nosuch', 'static', '10.0.0.1', '255.0.0.0', code=1)
    netsh('ipv4', 'set', 'address', str(index), 'static', '10.0.0.1', '255.0.255.0', code=1)
    netsh('ipv4', 'set', 'address', str(index), 'dhcp', code=1)
    netsh('ip', 'add', 'addr', str(index), '10.48.0.2/24', 'gateway=10.48.0.1', 'gwmetric=7')
    assert 'default via 10.48.0.1' in ip('route', 'show', 'dev', 'tunnel')
    netsh('ipv4', 'set', 'interface', str(index), 'metric=9')
    assert 'metric 16' in ip('route', 'show', 'default')  # of route and interface
    for wrong in ('metric=x', 'nud=enabled', 'nosuch=1'):
        netsh('ipv4', 'set', 'interface', str(index), wrong, code=1)
    netsh('ipv4', 'add', 'address', str(index), '10.49.0.2', '255.255.255.0', 'anycast', code=1)
    assert '10.49.0.2' not in ip('addr', 'show', 'dev', 'tunnel')
    netsh('teredo', 'set', 'state', 'disabled', code=1)
    netsh('ipv4', 'show', 'config', code=1)


def test_no_powershell(shared_machine):
    """A program that has it do something learns that it was not done."""
    code, text = command(shared_machine, 'WindowsPowerShell\\v1.0\\powershell.exe', '-Command', 'Set-DnsClientServerAddress')
    assert code == 1 and 'no PowerShell' in text, text
