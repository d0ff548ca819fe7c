!> The few functions of CUDA's runtime library that a training needs, in C's own names and order.
module cuda
   use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_f_pointer, c_f_procpointer, c_funptr, c_int, &
      c_intptr_t, c_loc, c_null_ptr, c_ptr, c_size_t
   use arrays, only: give_up
   use libraries, only: function_of, opened
   implicit none
   private
   public :: load_cuda, check_cuda, on_gpu, moved, card, text_at
   public :: cudaMalloc, cudaMallocHost, cudaMemcpyAsync, cudaStreamCreate, cudaStreamSynchronize, cudaStreamWaitEvent
   public :: cudaEventCreate, cudaEventRecord, cudaEventSynchronize, to_device, to_host

   integer(c_int), parameter :: to_device = 1, to_host = 2  !! cudaMemcpyKind

   abstract interface
      integer(c_int) function create(made) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), intent(out) :: made
      end function create

      integer(c_int) function allocate_bytes(made, bytes) bind(c)
         import :: c_int, c_ptr, c_size_t
         type(c_ptr), intent(out) :: made
         integer(c_size_t), value :: bytes
      end function allocate_bytes

      integer(c_int) function copy(to, from, bytes, kind, stream) bind(c)
         import :: c_int, c_ptr, c_size_t
         type(c_ptr), value :: to, from, stream
         integer(c_size_t), value :: bytes
         integer(c_int), value :: kind
      end function copy

      integer(c_int) function await(what) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: what
      end function await

      integer(c_int) function record(event, stream) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: event, stream
      end function record

      integer(c_int) function await_in(stream, event, flags) bind(c)
         import :: c_int, c_ptr
         type(c_ptr), value :: stream, event
         integer(c_int), value :: flags
      end function await_in

      integer(c_int) function count_of(number) bind(c)
         import :: c_int
         integer(c_int), intent(out) :: number
      end function count_of

      integer(c_int) function properties_of(properties, device) bind(c)
         import :: c_char, c_int
         character(kind=c_char), intent(inout) :: properties(*)
         integer(c_int), value :: device
      end function properties_of

      type(c_ptr) function text_of(status) bind(c)
         import :: c_int, c_ptr
         integer(c_int), value :: status
      end function text_of
   end interface

   procedure(allocate_bytes), pointer :: cudaMalloc, cudaMallocHost
   procedure(copy), pointer :: cudaMemcpyAsync
   procedure(create), pointer :: cudaStreamCreate, cudaEventCreate
   procedure(await), pointer :: cudaStreamSynchronize, cudaEventSynchronize
   procedure(record), pointer :: cudaEventRecord
   procedure(await_in), pointer :: cudaStreamWaitEvent
   procedure(count_of), pointer :: cudaGetDeviceCount
   procedure(properties_of), pointer :: cudaGetDeviceProperties
   procedure(text_of), pointer :: cudaGetErrorString

contains

   !> Find the library and a GPU; `why` is empty, or says in words what is not there.
   subroutine load_cuda(why)
      character(:), allocatable, intent(out) :: why
      type(c_ptr) :: library
      integer(c_int) :: cards

      library = opened([character(16) :: 'libcudart.so.13', 'libcudart.so.12', 'libcudart.so'])
      why = 'no libcudart.so where the loader looks'
      if (.not. c_associated(library)) return
      why = ''
      call c_f_procpointer(function_of(library, 'cudaMalloc', why), cudaMalloc)
      call c_f_procpointer(function_of(library, 'cudaMallocHost', why), cudaMallocHost)
      call c_f_procpointer(function_of(library, 'cudaMemcpyAsync', why), cudaMemcpyAsync)
      call c_f_procpointer(function_of(library, 'cudaStreamCreate', why), cudaStreamCreate)
      call c_f_procpointer(function_of(library, 'cudaStreamSynchronize', why), cudaStreamSynchronize)
      call c_f_procpointer(function_of(library, 'cudaStreamWaitEvent', why), cudaStreamWaitEvent)
      call c_f_procpointer(function_of(library, 'cudaEventCreate', why), cudaEventCreate)
      call c_f_procpointer(function_of(library, 'cudaEventRecord', why), cudaEventRecord)
      call c_f_procpointer(function_of(library, 'cudaEventSynchronize', why), cudaEventSynchronize)
      call c_f_procpointer(function_of(library, 'cudaGetDeviceCount', why), cudaGetDeviceCount)
      call c_f_procpointer(function_of(library, 'cudaGetDeviceProperties', why), cudaGetDeviceProperties)
      call c_f_procpointer(function_of(library, 'cudaGetErrorString', why), cudaGetErrorString)
      if (why /= '') return
      if (cudaGetDeviceCount(cards) /= 0) cards = 0
      if (cards == 0) why = 'no NVIDIA GPU'
   end subroutine load_cuda

   !> End the program in words where a function failed.
   subroutine check_cuda(status, what)
      integer(c_int), intent(in) :: status
      character(*), intent(in) :: what

      if (status /= 0) call give_up(what//': '//text_at(cudaGetErrorString(status)))
   end subroutine check_cuda

   !> Return memory of the GPU.
   function on_gpu(bytes) result(made)
      integer(c_size_t), intent(in) :: bytes
      type(c_ptr) :: made

      call check_cuda(cudaMalloc(made, bytes), 'memory of the GPU')
   end function on_gpu

   !> Return the address so many float32 numbers further on.
   pure function moved(address, by) result(further)
      type(c_ptr), intent(in) :: address
      integer, intent(in) :: by
      type(c_ptr) :: further

      further = transfer(transfer(address, 0_c_intptr_t) + 4_c_intptr_t * by, further)
   end function moved

   !> Return the name of the first GPU: what its properties begin with.
   function card() result(name)
      character(:), allocatable :: name
      character(kind=c_char), target :: properties(8192)  ! more than any version's has

      call check_cuda(cudaGetDeviceProperties(properties, 0_c_int), 'the GPU''s name')
      name = text_at(c_loc(properties))
   end function card

   !> Return a C string.
   function text_at(address) result(text)
      type(c_ptr), intent(in) :: address
      character(:), allocatable :: text
      character(kind=c_char), pointer :: letters(:)
      integer :: i

      call c_f_pointer(address, letters, [256])
      text = ''
      do i = 1, size(letters)
         if (iachar(letters(i)) == 0) exit
         text = text//letters(i)
      end do
   end function text_at

end module cuda
