// SPDX-License-Identifier: MIT

// A network that answers ping: csc Responder.cs, or `dotnet` with any project file. Put plaintun.dll of the same
// architecture beside the program and run it as administrator. Ends with Ctrl-C; the adapter goes with it.
using System;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

static class Plaintun
{
    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
    public struct AdapterConfig // PLAINTUN_ADAPTER_CONFIG
    {
        public uint Size, Mtu;
        public string Name, TunnelType;
        public IntPtr Guid;
        public string AccessList;
        public uint TimeoutMs, Flags, Metric, Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Packet // PLAINTUN_PACKET
    {
        public IntPtr Data;
        public uint Size, Flags;
    }

    public const uint WaitPackets = 1;
    public const uint Infinite = uint.MaxValue;

    [DllImport("plaintun.dll", EntryPoint = "PlaintunCreateAdapter", SetLastError = true)]
    public static extern IntPtr CreateAdapter(ref AdapterConfig config);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunStartSession", SetLastError = true)]
    public static extern IntPtr StartSession(IntPtr adapter, IntPtr config);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunReceive", SetLastError = true)]
    public static extern uint Receive(IntPtr session, [In, Out] Packet[] packets, uint count);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunRelease")]
    public static extern void Release(IntPtr session, [In] Packet[] packets, uint count);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunAllocate", SetLastError = true)]
    public static extern uint Allocate(IntPtr session, [In, Out] Packet[] packets, uint count);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunSend")]
    public static extern void Send(IntPtr session, [In] Packet[] packets, uint count);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunWait", SetLastError = true)]
    public static extern uint Wait(IntPtr session, uint events, uint timeoutMs);
    [DllImport("plaintun.dll", EntryPoint = "PlaintunGetMessage", CharSet = CharSet.Unicode)]
    public static extern uint GetMessage(StringBuilder text, uint count);
}

static class Responder
{
    static int Fail(string what)
    {
        var error = new Win32Exception(Marshal.GetLastWin32Error());
        var text = new StringBuilder(1024);
        Plaintun.GetMessage(text, 1024);
        Console.Error.WriteLine("{0}: {1} {2}", what, error.Message, text);
        return 1;
    }

    // Makes the answer to an echo request in place. Its checksum changes with one word (RFC 1624).
    static bool MakeReply(byte[] packet)
    {
        if (packet.Length < 28 || packet[0] >> 4 != 4 || packet[9] != 1)
            return false;
        int icmp = (packet[0] & 15) * 4;
        if (packet.Length < icmp + 8 || packet[icmp] != 8)
            return false;
        for (int i = 12; i < 16; i++)
        {
            byte part = packet[i];
            packet[i] = packet[i + 4];
            packet[i + 4] = part;
        }
        int sum = (packet[icmp + 2] << 8 | packet[icmp + 3]) + 0x800;
        sum = (sum & 0xffff) + (sum >> 16);
        packet[icmp] = 0;
        packet[icmp + 2] = (byte)(sum >> 8);
        packet[icmp + 3] = (byte)sum;
        return true;
    }

    static int Main()
    {
        var config = new Plaintun.AdapterConfig { Name = "responder", TunnelType = "Example" };
        config.Size = (uint)Marshal.SizeOf(typeof(Plaintun.AdapterConfig));
        IntPtr adapter = Plaintun.CreateAdapter(ref config);
        if (adapter == IntPtr.Zero)
            return Fail("creating the adapter");
        IntPtr session = Plaintun.StartSession(adapter, IntPtr.Zero);
        if (session == IntPtr.Zero)
            return Fail("starting the session");
        Console.WriteLine("ready: netsh interface ipv4 set address responder static 10.9.0.1 255.255.255.0, then ping 10.9.0.2");
        var packets = new Plaintun.Packet[64];
        var answer = new Plaintun.Packet[1];
        while (Plaintun.Wait(session, Plaintun.WaitPackets, Plaintun.Infinite) != 0)
        {
            uint count = Plaintun.Receive(session, packets, (uint)packets.Length);
            for (uint i = 0; i < count; i++)
            {
                var data = new byte[packets[i].Size];
                Marshal.Copy(packets[i].Data, data, 0, data.Length);
                answer[0].Size = packets[i].Size;
                if (!MakeReply(data) || Plaintun.Allocate(session, answer, 1) == 0)
                    continue; // no request, or the ring is full
                Marshal.Copy(data, 0, answer[0].Data, data.Length);
                Plaintun.Send(session, answer, 1);
            }
            Plaintun.Release(session, packets, count);
        }
        return Fail("waiting for packets");
    }
}
