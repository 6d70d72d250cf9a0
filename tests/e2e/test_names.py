# SPDX-License-Identifier: MIT
"""What an adapter can be called, and what programs and people are told who call it otherwise; access lists without a list;
messages of any length."""
import json
import re

import pytest

from test_adapters import EXISTS, INVALID, NOT_FOUND, guid, start  # noqa: F401
from test_tool import IN_USE, OK, USAGE, tool  # noqa: F401


def hold(tool, *words):
    """Makes an adapter with the tool; what stops it."""
    program = tool.start('create', '--hold', '--guid', guid(40), *words)
    program.expect('stays until Ctrl-C')
    return lambda: tool.interrupt(program, 'create')


def test_what_a_connection_cannot_be_called(start):  # noqa: F811
    """Refused with the character's name before anything is made; a rename leaves everything as it was."""
    a = start()
    a('create 0 name=plain')
    for unit in '\\/:*?"<>|':
        said = 'holds %s, and no network connection' % re.escape(unit)
        a.fails('create 1 name=a%sb' % unit, INVALID, 'Name ' + said)
        a.fails('rename 0 a%sb' % unit, INVALID, 'name ' + said)
        assert [line['name'] for line in a('list')] == ['plain'] and a('alias 0')[0]['line'] == 'alias plain', unit
        a.fails('open 1 a%sb' % unit, NOT_FOUND)
    a('close 0')


NO_TEXT = [('\x01', '0001'), ('\t', '0009'), ('\x7f', '007F'), ('\x80', '0080'), ('\x9b', '009B'), ('\x9f', '009F'),
           (r'\ud800', 'D800'), (r'\udc00', 'DC00'), (r'\udc00\ud800', 'DC00')]


def test_what_is_no_text(start):  # noqa: F811
    """Control characters of both ranges and halves of surrogate pairs are refused by number, in each name there is."""
    a = start()
    a('create 0 name=plain')
    for units, number in NO_TEXT:
        for command, field in (('create 1 name=a%sb', 'Name'), ('create 1 tunnel=a%sb name=b', 'TunnelType'),
                               ('rename 0 a%sb', 'name'), ('open 1 a%sb', 'name')):
            a.fails(command % units, INVALID, r'%s holds .*U\+%s' % (field, number))
    a.fails('create 1 name=   ', INVALID, 'nothing but spaces')
    a.fails('rename 0 ' + 128 * 'x', INVALID, '1 to 127 units')
    assert [line['name'] for line in a('list')] == ['plain']
    a('close 0')


def test_compared_unit_by_unit(start):  # noqa: F811
    """What a language takes for the same is another name: the connection gets it."""
    a, b = start(), start()
    a('create 0 name=Alpha')
    for name in ('Al\u00adpha', '\u00c5lpha', 'A\u030alpha', 'al\u202epha', 'alpha', 'ALPHA'):
        a('rename 0 ' + name)
        assert a('alias 0')[0]['line'] == 'alias ' + name
        assert a.info()['name'] == name
    a('rename 0 \u00c5lpha')
    b('create 0 name=A\u030alpha')
    assert b('alias 0')[0]['line'] == 'alias A\u030alpha'
    b.fails('rename 0 \u00e5LPHA', EXISTS, 'another adapter')
    a('close 0')
    b('close 0')


STEERING = 'a\u202eb\u2028c\u200fd\U0001f600'


def test_shown_escaped(tool):  # noqa: F811
    """What could steer a terminal is shown as its number, in lists, errors and the log; JSON has the name itself."""
    stop = hold(tool, STEERING)
    shown = 'a\\u202eb\\u2028c\\u200fd\U0001f600'
    try:
        for words in (['list'], ['show', STEERING], ['watch', STEERING, '--seconds', '1'], ['doctor']):
            text = tool(*words, '--verbose')
            assert not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]', text), text
            assert shown in text or words[0] == 'watch', text
        assert tool.json('list')[0]['name'] == tool.json('show', STEERING)['name'] == STEERING
        raw = tool.run('list', '--json')[0]
        assert raw.isascii() and b'\\u202e' in raw
    finally:
        assert stop() == OK
    text = tool('\x1b[31mred\nsecond\x9b', code=USAGE)
    assert text == 'plaintun: there is no command \\u001b[31mred\\u000asecond\\u009b; plaintun help lists them\n'
    tool('remove', guid(40))


def test_names_like_options(tool):  # noqa: F811
    """-- ends the options, in each command that takes a name."""
    def shown(name):
        return json.loads(tool.run('show', '--json', '--', name)[0])['name']
    stop = hold(tool, '--', '-x')
    try:
        assert '-x  ' in tool('list', '--')
        assert shown('-x') == '-x'
        tool('watch', '--seconds', '1', '--', '-x')
        tool('rename', '--', '-x', '--json')
        assert shown('--json') == '--json'
        tool('rename', '--', '--json', '--')
        assert tool('capture', '--seconds', '1', '--output', 'NUL', '--', '--') is not None
        assert 'in use by process' in tool('remove', '--', '--', code=IN_USE)
    finally:
        assert stop() == OK
    tool('remove', '--', '--')
    assert 'no option -x; see plaintun help show' in tool('show', '-x', code=USAGE)
    assert re.search('^  -- .*ends the options', tool('help', 'show'), re.MULTILINE)


@pytest.mark.parametrize('sddl', ['', ' ', 'O:BA', 'S:', 'O:BAG:BA', 'O:BAS:(AU;SA;GA;;;WD)'])
def test_access_lists_without_a_list(start, sddl):  # noqa: F811
    """The error says what is missing, before anything is made."""
    a = start()
    a('access ' + sddl)
    a.fails('create 0 access name=open', INVALID, 'AccessList .*(D:|SDDL)')
    assert a('list') == []


@pytest.mark.parametrize('length', [500, 949, 950, 1000, 5000, 40000, 200000])
def test_messages_of_any_length(start, length):  # noqa: F811
    """An access list of any length that is wrong: the message is its own text, shortened, with the error behind it."""
    a = start()
    a('access *%d' % length)
    _, error, text = a.answer('create 0 access name=long')
    assert error == INVALID and '%1' not in text and '%2' not in text, text[:300]
    assert re.search(r'^creating the adapter "long": AccessList is not .* x+\u2026 \(error 87: .*\)$', text), text[:300]


def test_logged_at_any_length(tool):  # noqa: F811
    """The tool passes such messages on whole."""
    text = tool('create', 'long', '--access', 3000 * 'x', code=USAGE)
    assert re.search(r'^plaintun: creating the adapter "long": AccessList is not .*\u2026 \(error 87: .*\)$', text), text


def test_guid_of_another(start):  # noqa: F811
    """A GUID that a network interface has which is not ours is refused, and that one keeps its name; ours by itself is taken."""
    a = start()
    namespace = a.machine.namespace
    namespace.run('ip', 'tuntap', 'add', 'theirs', 'mode', 'tap')
    index = json.loads(namespace.run('ip', '-j', 'link', 'show', 'theirs'))[0]['ifindex']
    theirs = '{%08X-0000-0000-0000-4E6574446576}' % index  # host/wine/shared/luid.h
    a.fails('create 0 guid=%s name=not yours' % theirs, EXISTS, 'is not one of this product\'s has its GUID; use another GUID')
    assert not a('list'), 'nothing is left of it'
    link, = json.loads(namespace.run('ip', '-j', 'link', 'show', 'theirs'))
    assert 'ifalias' not in link, link
    namespace.run('ip', 'link', 'del', 'theirs')
    for _ in range(2):  # the second time the system knows it
        a('create 0 guid=%s name=yours' % theirs)
        a('close 0')
    a('remove %s' % theirs)
